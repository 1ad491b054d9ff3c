import { metricOf, withoutStrayBlanks } from "@secateur/evaluate";
import { type Document, errorAt, type Loader, type Origin, placeOf, type Role, SecateurError } from "@secateur/kit";
import type { ModelDescription } from "@secateur/models";
import { splitsRows } from "@secateur/tasks";
import { documentsOf } from "./data.ts";
import { contentKey, isHeldOut } from "./holdout.ts";
import type { MeasureInput } from "./measuring.ts";
import type { DataSource } from "./recipe.ts";
import { chooseSeqLen } from "./seq-len.ts";

/** Data that models are measured on. */
export interface EvaluationSource extends DataSource {
  /** A role's, or another. */
  readonly name: string;
}

/** Documents that models are measured on. */
export interface EvaluationSet {
  readonly name: string;
  readonly sources: readonly string[];
  readonly documents: readonly Document[];
  /** Whether they are kept back from the sources that the role of this name is calibrated with. */
  readonly heldOut: boolean;
}

/** What bounds a set: so many rows, or windows of text of so many tokens. */
export interface EvaluationBounds {
  readonly samples: number;
  readonly seqLen: number;
  /** At most so many tokens of an answer are decoded, for rows that say how theirs ends or what counts of it. */
  readonly maxTokens?: number;
}

// No language takes so many characters a token on average: text past it fills no window that is measured.
const CHARACTERS_A_TOKEN = 16;

/** How far data is measured on, where sequences are of `seqLen` tokens. Throws SecateurError `usage` for windows longer than the model's positions. */
export function boundsOf(
  { evaluateSamples: samples, evaluateSeqLen, evaluateMaxTokens: maxTokens }: Omit<MeasureInput, "evaluate">,
  seqLen: number,
  description: ModelDescription,
): EvaluationBounds {
  return { samples, seqLen: chooseSeqLen(evaluateSeqLen ?? seqLen, description), ...(maxTokens !== undefined && { maxTokens }) };
}

/** Reads what models are measured on: the sources given, and for each role without one what its own hold out. Throws SecateurError `data` where there is nothing. */
export async function loadEvaluation(
  roles: readonly { readonly role: Role; readonly sources: readonly DataSource[] }[],
  given: readonly EvaluationSource[],
  bounds: EvaluationBounds,
  loaders: readonly Loader[],
): Promise<EvaluationSet[]> {
  const sets: EvaluationSet[] = [];
  for (const { role, sources } of roles) {
    const own = given.filter(({ name }) => name === role);
    const from = own.length > 0 ? own : sources;
    // Where templates part the rows, those to measure with are no calibration data in the first place.
    const parted = (await Promise.all(sources.map(({ template }) => splitsRows(template)))).every(Boolean);
    sets.push(await loadSet(role, from, own.length === 0 && !parted, bounds, loaders));
  }
  const others = given.filter(({ name }) => !roles.some(({ role }) => role === name));
  for (const name of new Set(others.map((one) => one.name)))
    sets.push(
      await loadSet(
        name,
        others.filter((one) => one.name === name),
        false,
        bounds,
        loaders,
      ),
    );
  return sets;
}

async function loadSet(
  name: string,
  sources: readonly DataSource[],
  heldOut: boolean,
  { samples, seqLen }: Pick<EvaluationBounds, "samples" | "seqLen">,
  loaders: readonly Loader[],
): Promise<EvaluationSet> {
  const report = { rows: 0, empty: 0, duplicates: 0 };
  const documents: Document[] = [];
  const characters = samples * seqLen * CHARACTERS_A_TOKEN;
  let read = 0;
  const take = heldOut ? isHeldOut : () => true;
  // Rows that are held out are of those that would be calibrated with.
  const all = documentsOf(sources, heldOut ? "calibrate" : "evaluate", { loaders, report, take, keepEmpty: true });
  for await (const document of withoutStrayBlanks(all)) {
    documents.push(document);
    if (document.kind === "text") read += document.text.length;
    if (document.kind === "text" ? read >= characters : documents.length >= samples) break;
  }
  const names = sources.map(({ source }) => source);
  if (documents.some((document) => document.kind !== "text" || document.text !== "")) {
    metricOf(documents); // rows that cannot be measured are refused before anything is calibrated
    return { name, sources: names, documents, heldOut };
  }
  const why = heldOut ? `none of its ${report.rows} rows is held out: give --eval ${name}=FILE` : "it holds no document";
  throw new SecateurError("data", `${names.join(", ")}: nothing to measure ${name} with, ${why}`, { where: { file: names[0] as string } });
}

/** The documents that models are calibrated with, by what they say. */
export interface Calibrated {
  add(role: Role, document: Document): void;
  /** Where a document like this one stands; nothing where there is none. */
  find(document: Document): { readonly role: Role; readonly origin: Origin } | undefined;
}

/** Keeps in mind what is calibrated with. */
export function createCalibrated(): Calibrated {
  const known = new Map<string, { readonly role: Role; readonly origin: Origin }>();
  return {
    add: (role, document) => void known.set(contentKey(document), { role, origin: document.origin }),
    find: (document) => (document.kind === "text" && document.text === "" ? undefined : known.get(contentKey(document))),
  };
}

/** More than this share of a set must not be calibration data too. */
const MOST_LEAKED = 0.01;

/**
 * Warns of each set of which some documents are calibration data too, by what they say. Throws SecateurError `data` when it is more than one in a hundred: the
 * set would measure what the models were made with; `advice` says what to do then.
 */
export function checkLeakage(
  sets: readonly EvaluationSet[],
  calibrated: Calibrated,
  advice: (name: string, source: string) => string,
): string[] {
  const warnings: string[] = [];
  for (const { name, documents, sources } of sets) {
    const leaked = documents.flatMap((document) => {
      const known = calibrated.find(document);
      return known ? [{ document, known }] : [];
    });
    const [first] = leaked;
    if (!first) continue;
    const { role, origin } = first.known;
    const count = `${leaked.length} of the ${documents.length} rows that ${name} is measured on`;
    const message = `this row is calibration data of the role ${role} too (${placeOf(origin)}), as are ${count}`;
    if (leaked.length > MOST_LEAKED * documents.length) {
      throw errorAt("data", first.document.origin, `${message}: ${advice(name, sources[0] as string)}`); // a set has a source
    }
    warnings.push(`${placeOf(first.document.origin)}: ${message}`);
  }
  return warnings;
}
