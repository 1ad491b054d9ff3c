import { SecateurError } from "@secateur/kit";

/** The code and the message of the error that something fails with. */
export async function failureOf(work: () => unknown): Promise<[code: string, message: string]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SecateurError) return [error.code, error.message];
    throw error;
  }
  throw new Error("nothing failed");
}
