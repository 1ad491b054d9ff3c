import { createReferenceBackend } from "@secateur/backend-reference";
import { booleanFromText, defineBackend, SecateurError } from "@secateur/kit";
import { firstNotFinite } from "@secateur/tensor";
import { z } from "zod";

export default defineBackend({
  name: "finite",
  summary: "The reference backend; a program whose output is not finite fails there and then.",
  options: z.strictObject({
    expand: z
      .preprocess(booleanFromText, z.boolean())
      .prefault(false)
      .default(false)
      .describe("run fused ops as the primitives they stand for"),
  }),
  create: async (options) => {
    const inner = createReferenceBackend(options);
    return {
      ...inner,
      name: "finite",
      async run(executable, inputs, into) {
        const outputs = await inner.run(executable, inputs, into);
        for (const [name, output] of Object.entries(outputs)) {
          if (output.dtype !== "F32") continue;
          const { data } = await inner.download(output);
          const bad = firstNotFinite(data as Float32Array); // checked above
          if (bad >= 0) throw new SecateurError("backend", `the output ${name} has ${data[bad]} at ${bad}, wanted a finite number`);
        }
        return outputs;
      },
    };
  },
});
