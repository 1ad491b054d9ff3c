import { parseCalibration, parseRecipe } from "@secateur/pipeline";
import { calibrateLine, compareLine, evalLine, pruneLine } from "@secateur/report/text";
import type { FoundData } from "../library/data.ts";
import type { FoundModel } from "../library/models.ts";
import { type EngineRequest, type JobInput, type Places, requestOf } from "./recipe.ts";

/**
 * The command that does the same as a job, and writes to a name of its own; nothing where flags cannot say it. Models and data are named as people have them: those
 * of the configured folders by their places there, uploads by their files' names, and what jobs made by the names that these commands would give it.
 */
export function commandLine(id: string, input: JobInput, models: readonly FoundModel[], data: readonly FoundData[]): string | undefined {
  const names: Places = {
    model: (model) => named(model, nameOfModel(models, model)),
    data: (one) => named(one, data.find((found) => found.id === one)?.name),
    statistics: (job) => named(job, outOf("calibrate", job)),
  };
  const line = lineOf(requestOf(input, "", names, ""));
  const out = outOf(input.kind, id);
  return line === undefined || out === undefined ? line : `${line} --out ${out}`;
}

function lineOf(asked: EngineRequest): string | undefined {
  switch (asked.job) {
    case "prune":
      return pruneLine(parseRecipe(asked.request.recipe), asked.request.measure);
    case "calibrate":
      return calibrateLine(parseCalibration(asked.request.recipe));
    case "compare": {
      const { fusion: _fusion, fusionOptions: _options, ...recipe } = parseRecipe(asked.request.input.recipe);
      return compareLine({ input: { ...asked.request.input, recipe } });
    }
    case "eval":
      return evalLine(asked.request);
  }
}

/** What a job's command writes. */
function outOf(kind: JobInput["kind"], id: string): string | undefined {
  const short = id.slice(0, 8);
  switch (kind) {
    case "prune":
      return `pruned-${short}`;
    case "calibrate":
      return `statistics-${short}.safetensors`;
    case "compare":
      return `comparison-${short}.html`;
    case "eval":
      return undefined;
  }
}

function nameOfModel(models: readonly FoundModel[], id: string): string | undefined {
  const found = models.find((model) => model.id === id);
  return found?.job === undefined ? found?.name : outOf("prune", found.job);
}

/** What is no longer listed keeps its id. */
function named(id: string, name: string | undefined): { readonly path: string; readonly name: string } {
  return { path: name ?? id, name: id };
}
