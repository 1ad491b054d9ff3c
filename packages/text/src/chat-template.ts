import vm from "node:vm";
import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { errorAt, type Json, type Message, type Origin, SecateurError, type TokenizerFiles } from "@secateur/kit";

/** One rendering of a conversation. */
export interface ChatRequest {
  readonly messages: readonly Message[];
  /** Ends with what begins an answer. */
  readonly addGenerationPrompt: boolean;
}

/** How long and how large a template may work. */
export interface TemplateLimits {
  /** Milliseconds for all renderings of one call. */
  readonly timeoutMs: number;
  /** Items of one `range(…)`. */
  readonly rangeItems: number;
}

/** A rendering takes milliseconds; templates come with models from anywhere, and one that loops without an end must not hold the run. */
export const TEMPLATE_LIMITS: TemplateLimits = { timeoutMs: 5000, rangeItems: 1_000_000 };

/** A model's chat template, made ready. */
export interface ChatTemplate {
  /**
   * The texts of some renderings. Throws SecateurError `data` with the template's own sentence when it calls `raise_exception`, `unsupported` when
   * it fails or takes longer than its limit.
   */
  render(requests: readonly ChatRequest[], origin?: Origin): readonly string[];
}

/**
 * The chat template of a model: the file of its own before the one in the settings, of a list of named ones `default`. Its clock stands still, at
 * 26 July 2024: equal runs must give equal texts. Throws SecateurError `unsupported` when there is none, `format` when it cannot be parsed.
 */
export function chatTemplate(files: TokenizerFiles, source: string, limits: TemplateLimits = TEMPLATE_LIMITS): ChatTemplate {
  const text = findTemplate(files, source);
  const limited = timeLimit(limits.timeoutMs);
  const program = attempt(
    () => limited(() => parse(tokenize(text, { lstrip_blocks: true, trim_blocks: true }))),
    (what, cause) => new SecateurError("format", `the chat template of ${source} cannot be read: ${what}`, { cause }),
  );
  const tokens = namedTokens(files.config);
  const render = ({ messages, addGenerationPrompt }: ChatRequest): string => {
    const environment = new Environment();
    const values = { ...globals(limits), ...tokens, tools: null, documents: null, messages, add_generation_prompt: addGenerationPrompt };
    for (const [name, value] of Object.entries(values)) environment.set(name, value);
    return String(new Interpreter(environment).run(program).value);
  };
  return {
    render: (requests, origin) =>
      attempt(
        () => limited(() => requests.map(render)),
        (what, cause) =>
          cause instanceof Refusal
            ? errorAt("data", origin, `the chat template of ${source} refuses the messages: ${what}`, cause)
            : errorAt("unsupported", origin, `the chat template of ${source} failed: ${what}`, cause),
      ),
  };
}

/** What a template says through `raise_exception`. */
class Refusal extends Error {}

function findTemplate({ chatTemplate: own, config }: TokenizerFiles, source: string): string {
  const setting = config.chat_template;
  const named = Array.isArray(setting) ? setting.map((entry) => entry as { readonly [key: string]: Json }) : [];
  const text = own ?? (typeof setting === "string" ? setting : named.find((entry) => entry?.name === "default")?.template);
  if (typeof text === "string") return text;
  const found = named.length === 0 ? "" : ` named "default", only ${named.map((entry) => JSON.stringify(entry?.name ?? null)).join(", ")}`;
  throw new SecateurError("unsupported", `${source} has no chat template${found}, so conversations cannot be used with it`);
}

/** The settings' `bos_token`, `eos_token` and the like, as templates write them. */
function namedTokens(config: TokenizerFiles["config"]): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const [key, value] of Object.entries(config)) {
    if (!key.endsWith("_token")) continue;
    const content = typeof value === "object" && value !== null ? (value as { readonly content?: Json }).content : value;
    if (typeof content === "string") tokens[key] = content;
  }
  return tokens;
}

function globals(limits: TemplateLimits): Record<string, unknown> {
  return {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    raise_exception: (what: unknown) => {
      throw new Refusal(String(what));
    },
    range: (...bounds: number[]) => range(bounds, limits.rangeItems),
    strftime_now: (format: string) => format.replace(/%([YymdeBbAaHMS%])/g, (_, sign: string) => DATE[sign] ?? ""),
  };
}

const DATE: Readonly<Record<string, string>> = {
  Y: "2024",
  y: "24",
  m: "07",
  d: "26",
  e: "26",
  B: "July",
  b: "Jul",
  A: "Friday",
  a: "Fri",
  H: "00",
  M: "00",
  S: "00",
  "%": "%",
};

function range(bounds: readonly number[], limit: number): number[] {
  const [start = 0, stop = 0, step = 1] = bounds.length === 1 ? [0, bounds[0]] : bounds;
  const items = Math.max(0, Math.ceil((stop - start) / step));
  if (!(items <= limit)) throw new Error(`range(${bounds.join(", ")}) has more than ${limit} items`);
  return Array.from({ length: items }, (_, i) => start + i * step);
}

/**
 * Runs functions for a limited time. The call goes through a script of a context of its own, since only running a script can be interrupted; what
 * the script calls is interrupted with it.
 */
function timeLimit(timeoutMs: number): <Result>(work: () => Result) => Result {
  const context = vm.createContext({ run: undefined });
  const script = new vm.Script("run()");
  return <Result>(work: () => Result): Result => {
    let result: { readonly value: Result } | undefined;
    context.run = () => {
      result = { value: work() };
    };
    try {
      script.runInContext(context, { timeout: timeoutMs });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw cause;
      throw new Error(`it takes longer than ${timeoutMs / 1000} s`, { cause });
    } finally {
      context.run = undefined;
    }
    return (result as unknown as { readonly value: Result }).value;
  };
}

function attempt<Result>(work: () => Result, say: (what: string, cause: unknown) => SecateurError): Result {
  try {
    return work();
  } catch (cause) {
    throw say(cause instanceof Error ? cause.message : String(cause), cause);
  }
}
