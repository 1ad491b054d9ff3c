import type { Data } from "./types.ts";

/** What the server refuses a request with. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }
}

/** Where the token is kept; undefined where there is none. */
export interface TokenStore {
  get(): string | undefined;
  set(token: string | undefined): void;
}

/** Asks the server. All throw ApiError for what it refuses. */
export interface Api {
  /** An answer of JSON. */
  json<Value>(path: string, init?: RequestInit): Promise<Value>;
  /** The same for a body of JSON. */
  post<Value>(path: string, body: unknown): Promise<Value>;
  /** Any answer that is a success. */
  send(path: string, init?: RequestInit): Promise<Response>;
  /** Uploads a data file and tells the share that is sent, from 0 to 1. */
  upload(file: File, onShare: (share: number) => void, signal: AbortSignal): Promise<Data>;
  /** Whether downloads want the token, which a link cannot carry. */
  hasToken(): boolean;
}

const JSON_HEADERS = { "Content-Type": "application/json" };

/** Makes what asks the server; `onRefused` is told when it wants a token, or another one. */
export function createApi(tokens: TokenStore, onRefused: () => void): Api {
  const authorization = (): Record<string, string> => {
    const token = tokens.get();
    return token === undefined ? {} : { Authorization: `Bearer ${token}` };
  };

  function refuse(status: number, text: string): never {
    if (status === 401) onRefused();
    throw errorOf(status, text);
  }

  async function send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...(init.headers as Record<string, string> | undefined), ...authorization() };
    const response = await fetch(path, { ...init, headers });
    return response.ok ? response : refuse(response.status, await response.text());
  }

  const json = async <Value>(path: string, init?: RequestInit): Promise<Value> => (await (await send(path, init)).json()) as Value;

  return {
    send,
    json,
    post: (path, body) => json(path, { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(body) }),
    upload: (file, onShare, signal) =>
      new Promise((resolve, reject) => {
        // `fetch` does not tell how much of a body is sent.
        const request = new XMLHttpRequest();
        request.open("POST", "/api/data");
        for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
        request.upload.onprogress = ({ loaded, total }) => onShare(total > 0 ? loaded / total : 0);
        request.onerror = () => reject(new ApiError(0, "network", "the upload was cut off: the server took no more of it, or is gone"));
        request.onabort = () => reject(signal.reason);
        request.onload = () => {
          if (request.status === 201) return resolve(JSON.parse(request.responseText) as Data);
          if (request.status === 401) onRefused();
          reject(errorOf(request.status, request.responseText));
        };
        signal.addEventListener("abort", () => request.abort());
        const body = new FormData();
        body.set("file", file);
        request.send(body);
      }),
    hasToken: () => tokens.get() !== undefined,
  };
}

/** The error of an answer's body; one that is no JSON of the server's comes from something between. */
function errorOf(status: number, text: string): ApiError {
  try {
    const { error } = JSON.parse(text) as { error: { code?: unknown; type?: unknown; message: unknown } };
    return new ApiError(status, String(error.code ?? error.type ?? "error"), String(error.message));
  } catch {
    return new ApiError(status, "answer", `the server answered with status ${status}`);
  }
}

/** What any failure says. */
export function messageOf(error: unknown): string {
  if (error instanceof TypeError) return "the server cannot be reached";
  return error instanceof Error ? error.message : String(error);
}
