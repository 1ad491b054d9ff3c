import { createReferenceBackend } from "@secateur/backend-reference";
import { safetensors } from "@secateur/format-safetensors";
import { run } from "./run.ts";

// Prunes, and dies without a chance to tidy up once a tensor has been written.
const { recipe, out, tokens, tensor: last } = JSON.parse(process.argv[2] as string);
const deadly: typeof safetensors = {
  ...safetensors,
  async create(target, source, options) {
    const sink = await safetensors.create(target, source, options);
    return {
      ...sink,
      async write(name, tensor) {
        await sink.write(name, tensor);
        if (name === last) process.kill(process.pid, "SIGKILL");
      },
    };
  },
};
await run(recipe, out, createReferenceBackend(), { format: deadly }, tokens);
