import { GraphError, gradientName, gradientProgram, type Program } from "@secateur/graph";
import { type DeviceTensor, SecateurError, throwIfCancelled } from "@secateur/kit";
import { HIDDEN, NEXT_HIDDEN, TARGET } from "@secateur/models";
import { f32, tensor } from "@secateur/tensor";
import type { Engine } from "./engine.ts";
import { forward } from "./forward.ts";
import { headTokens } from "./head.ts";
import { withHeld } from "./held.ts";
import type { State } from "./states.ts";
import { type BlockStats, type CollectMemory, type CollectOptions, collect } from "./statistics.ts";
import { hiddenOf, type Stream, type StreamBatch } from "./stream.ts";
import { type LoadedWeights, withWeights } from "./weights.ts";

/** The way back of a stream through the blocks, from the loss on. */
export interface BackwardPass {
  /** Σω·NLL over the predicted tokens, by Σω: the mean of the loss. */
  readonly loss: number;
  /**
   * The statistics of a block, which may read the gradient of L = Σω·NLL, ω the weight of the token that is predicted; the gradient moves on to what comes before it.
   * Blocks are asked for once each, from the last to the first; their statistics are to be read before the next one is asked for. Throws SecateurError `numeric` as `collect` of the forward pass does.
   */
  collect(block: number, weights: LoadedWeights, options: Omit<CollectOptions, "advance" | "memory">): Promise<BlockStats>;
}

/** How the way to the loss reports and stops. */
export interface BackwardOptions {
  /** Called after each batch of each block with its tokens, padding included, and after each of the head. */
  readonly onBatch?: (tokens: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Sends a stream that stands before the first block to the loss: through the blocks, of which only what each reads is kept in the stream's store, and the head.
 * The batches become those of the way back. Throws SecateurError `numeric` when the loss is not finite, `data` when no predicted token has weight.
 */
export async function startBackward(engine: Engine, stream: Stream, options: BackwardOptions = {}): Promise<BackwardPass> {
  const { blocks } = engine.description;
  const { signal, onBatch } = options;
  const following = { ...(onBatch && { onBatch }), ...(signal && { signal }) };
  const read: ReadonlyMap<string, State>[][] = []; // by block and batch
  for (const { program, prefix } of blocks) {
    throwIfCancelled(signal);
    read.push(stream.batches.map(({ states }) => states));
    await withWeights(engine, program, prefix, (weights) => forward(engine, program, weights, stream, { keep: true, ...following }));
  }
  const loss = await throughHead(engine, stream, options);
  const memory: CollectMemory = { batch: new Map(), sums: new Map() };
  return {
    loss,
    collect(block, weights, given) {
      const { program, prefix } = blocks[block] as (typeof blocks)[number];
      const inputs = read[block] as ReadonlyMap<string, State>[]; // one a block
      for (const [i, batch] of stream.batches.entries()) {
        batch.states = new Map([...batch.states, ...(inputs[i] as ReadonlyMap<string, State>)]); // one a batch
      }
      const first = block === 0;
      const part = { program: backwardProgram(program, first), prefix, becomes: first ? {} : { [gradientName(HIDDEN)]: GRADIENT } };
      return collect(engine, part, weights, stream, { ...given, advance: true, memory });
    },
  };
}

const GRADIENT = gradientName(NEXT_HIDDEN);

/** A block's way back. Nothing comes before the first one that a gradient would be of use to. Throws SecateurError `unsupported` for a block without a gradient. */
export function backwardProgram(program: Program, first: boolean): Program {
  return differentiated(program, NEXT_HIDDEN, first ? [] : [HIDDEN]);
}

function differentiated(program: Program, of: string, by: readonly string[], also: readonly string[] = []): Program {
  try {
    return gradientProgram(program, [of], by, also);
  } catch (cause) {
    if (!(cause instanceof GraphError)) throw cause;
    throw new SecateurError("unsupported", `this architecture has no gradient of its loss: ${cause.message}`, { cause });
  }
}

/** The program of the head's way back: the loss of each token, and the gradient of its sum. */
export function headBackward({ description }: Pick<Engine, "description">): Program {
  return differentiated(description.head.loss, "loss", [HIDDEN], ["loss"]);
}

/** Puts the gradient of the loss in the place of each batch's hidden states, and gives the mean loss. Only tokens whose prediction has weight pass the head. */
async function throughHead(engine: Engine, stream: Stream, { signal, onBatch }: BackwardOptions): Promise<number> {
  const { description, backend } = engine;
  const { hidden: width, vocabulary } = description;
  const program = headBackward(engine);
  // Thousands of logits compete by small differences. Its memory for them goes with it: the head is passed once.
  const executable = await backend.compile(program, { exact: true });
  const most = headTokens(vocabulary);
  let [sum, total] = [0, 0];
  const passed = withWeights(engine, program, "", async (weights) => {
    for (const batch of stream.batches) {
      const { store } = stream;
      const states = await hiddenOf(stream, batch);
      const gradient = store.buffer(states.length).fill(0); // (members, tokens, hidden)
      const { places, targets, omegas } = predictionsOf(batch);
      for (let at = 0; at < places.length; at += most) {
        throwIfCancelled(signal);
        const own = places.subarray(at, at + most);
        const rows = new Float32Array(own.length * width);
        for (const [i, place] of own.entries()) rows.set(states.subarray(place * width, (place + 1) * width), i * width);
        await withHeld(backend, async (hold) => {
          const outputs = await backend.run(executable, {
            [HIDDEN]: hold(backend.upload(f32([1, own.length, width], rows))),
            [TARGET]: hold(backend.upload(tensor("I32", [1, own.length], targets.subarray(at, at + most)))),
            [gradientName("loss")]: hold(backend.upload(f32([1, own.length], omegas.subarray(at, at + most)))),
            ...weights.device,
          });
          for (const value of Object.values(outputs)) hold(value);
          const values = async (name: string): Promise<Float32Array> =>
            (await backend.download(outputs[name] as DeviceTensor)).data as Float32Array; // F32 by the program
          const [losses, back] = [await values("loss"), await values(gradientName(HIDDEN))];
          for (const [i, place] of own.entries()) {
            sum += (omegas[at + i] as number) * (losses[i] as number);
            total += omegas[at + i] as number;
            gradient.set(back.subarray(i * width, (i + 1) * width), place * width);
          }
        });
      }
      for (const state of batch.states.values()) store.free(state);
      batch.states = new Map([[GRADIENT, await store.keep(gradient)]]);
      onBatch?.(batch.members.length * batch.tokens);
    }
  });
  await passed.finally(() => executable.release());
  if (total === 0) throw new SecateurError("data", "no token that is predicted has weight: there is no loss to take a gradient of");
  if (!Number.isFinite(sum)) throw new SecateurError("numeric", `the loss on this data is ${sum}: what the model says of it is not finite`);
  return sum / total;
}

/** The places of a batch whose next token has weight, with that token and its weight. */
function predictionsOf({ ids, weights, lengths, tokens }: StreamBatch): { places: Int32Array; targets: Int32Array; omegas: Float32Array } {
  const found: number[] = [];
  for (const [member, length] of lengths.entries()) {
    for (let t = 0; t + 1 < length; t++) {
      const place = member * tokens + t;
      if (weights[place + 1] !== 0) found.push(place);
    }
  }
  const places = Int32Array.from(found);
  return {
    places,
    targets: places.map((place) => ids[place + 1] as number),
    omegas: Float32Array.from(places, (place) => weights[place + 1] as number),
  };
}
