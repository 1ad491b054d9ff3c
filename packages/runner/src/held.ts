import type { Backend, DeviceTensor } from "@secateur/kit";

/** Does a piece of work with tensors of a backend: what it has put in `hold` is released when it ends, well or not. */
export async function withHeld<T>(backend: Backend, work: (hold: (value: DeviceTensor) => DeviceTensor) => Promise<T>): Promise<T> {
  const held = new Set<DeviceTensor>();
  try {
    return await work((value) => {
      held.add(value);
      return value;
    });
  } finally {
    for (const value of held) backend.release(value);
  }
}
