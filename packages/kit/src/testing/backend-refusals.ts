import { f32, seededRandom, tensor } from "@secateur/tensor";
import type { Backend, DeviceTensor } from "../contracts.ts";
import { backendCase, numbers } from "./backend-cases.ts";
import { expectRefusal, type HostTensor, type Law, named, uploadAll } from "./backend-checks.ts";
import type { TestApi } from "./test-api.ts";

/** The laws of what a backend must refuse, always with SecateurError `backend`: inputs that do not fit, tensors that are not there, use after dispose. */
export function describeRefusals(t: TestApi, law: Law, make: () => Promise<Backend>): void {
  const one = backendCase("sum", { augend: numbers("batch", "tokens", 4), addend: numbers("batch", "tokens", 4) }, (b, v) => ({
    total: b.add(v.augend, v.addend),
  }));
  const draw = (): Record<string, HostTensor> => one.draw({ batch: 2, tokens: 3 }, seededRandom(8));

  law("refuses inputs that are missing or do not fit, and names them", async (backend) => {
    const executable = await backend.compile(one.program);
    const inputs = uploadAll(backend, draw());
    const augend = named(inputs, "augend");
    await backend.run(executable, inputs);
    await expectRefusal("a missing input is refused", "addend", () => backend.run(executable, { augend }));
    const wrong: [string, HostTensor][] = [
      ["another size of a fixed axis", f32([2, 3, 5])],
      ["another rank", f32([2, 12])],
      ["a second size of tokens", f32([2, 4, 4])],
      ["another type", tensor("I32", [2, 3, 4])],
    ];
    for (const [what, given] of wrong) {
      await expectRefusal(`an input of ${what} is refused`, "addend", () =>
        backend.run(executable, { augend, addend: backend.upload(given) }),
      );
    }
    await backend.run(executable, inputs);
  });

  law("refuses an `into` that does not fit", async (backend) => {
    const executable = await backend.compile(one.program);
    const inputs = uploadAll(backend, draw());
    const wrong = backend.upload(f32([3, 2, 4]));
    await expectRefusal("`into` of another shape is refused", "total", () => backend.run(executable, inputs, { total: wrong }));
    const right = backend.upload(f32([2, 3, 4]));
    backend.release(right);
    await expectRefusal("a released `into` is refused", "total", () => backend.run(executable, inputs, { total: right }));
  });

  law("refuses tensors that were released or are of no backend", async (backend) => {
    const executable = await backend.compile(one.program);
    const inputs = uploadAll(backend, draw());
    const [augend, addend] = [named(inputs, "augend"), named(inputs, "addend")];
    const [matrix, gone] = [backend.upload(f32([4, 4])), backend.upload(f32([4, 4]))];
    backend.release(addend);
    backend.release(gone);
    await expectRefusal("running on a released tensor is refused", "addend", () => backend.run(executable, { augend, addend }));
    await expectRefusal("downloading a released tensor is refused", "", () => backend.download(addend));
    await expectRefusal("multiplying by a released tensor is refused", "", () => backend.matmul(matrix, gone));
    const foreign: DeviceTensor = { dtype: "F32", shape: [2, 3, 4] };
    await expectRefusal("running on a tensor of no backend is refused", "addend", () =>
      backend.run(executable, { augend, addend: foreign }),
    );
    await expectRefusal("downloading a tensor of no backend is refused", "", () => backend.download(foreign));
  });

  law("refuses matrices whose inner sizes differ", async (backend) => {
    const [a, b] = [backend.upload(f32([2, 3])), backend.upload(f32([2, 3]))];
    await expectRefusal("matmul of (2, 3) and (2, 3) is refused", "", () => backend.matmul(a, b));
    await backend.matmul(a, b, { transposeB: true });
  });

  law("refuses to run a released executable", async (backend) => {
    const executable = await backend.compile(one.program);
    const inputs = uploadAll(backend, draw());
    await executable.release();
    await expectRefusal("a released executable does not run", "", () => backend.run(executable, inputs));
  });

  t.it("refuses everything after it was disposed", async () => {
    const backend = await make();
    const executable = await backend.compile(one.program);
    const inputs = uploadAll(backend, draw());
    const matrix = backend.upload(f32([4, 4]));
    await backend.dispose();
    await expectRefusal("upload after dispose is refused", "", () => backend.upload(f32([1])));
    await expectRefusal("download after dispose is refused", "", () => backend.download(matrix));
    await expectRefusal("compile after dispose is refused", "", () => backend.compile(one.program));
    await expectRefusal("run after dispose is refused", "", () => backend.run(executable, inputs));
    await expectRefusal("matmul after dispose is refused", "", () => backend.matmul(matrix, matrix));
  });
}
