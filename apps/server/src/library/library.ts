import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Home } from "../home.ts";
import { HttpError } from "../http-error.ts";
import type { Places } from "../jobs/recipe.ts";
import type { Settings } from "../settings.ts";
import { dataOf, type FoundData, findData } from "./data.ts";
import { type FoundModel, findModels, modelOf } from "./models.ts";
import { RESULT } from "./results.ts";

/** What jobs may read, as it is at the time. */
export interface Library {
  models(): Promise<FoundModel[]>;
  data(): Promise<FoundData[]>;
  places(): Promise<Places>;
}

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/** The models and data files of a server; `endings` are those of the files that its loaders read. */
export function createLibrary(settings: Pick<Settings, "models" | "data">, home: Home, endings: readonly string[]): Library {
  const library: Library = {
    models: () => findModels(settings.models, home),
    data: () => findData(settings.data, home, endings),
    async places() {
      const [models, data] = await Promise.all([library.models(), library.data()]);
      return {
        model: (id) => modelOf(models, id),
        data: (id) => dataOf(data, id),
        statistics(id) {
          const path = join(home.jobs, id, RESULT.calibrate);
          if (UUID.test(id) && existsSync(path)) return { path, name: id };
          throw new HttpError(404, "not-found", `no calibration has the id ${JSON.stringify(id)}`);
        },
      };
    },
  };
  return library;
}
