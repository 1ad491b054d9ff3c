import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Problem } from "../parts/small.tsx";

interface TokenFormProps {
  /** Whether one was given that the server did not take. */
  readonly wrong: boolean;
  readonly onToken: (token: string) => void;
}

/** Asks for the token that the server wants. */
export function TokenForm({ wrong, onToken }: TokenFormProps): JSX.Element {
  const [token, setToken] = useState("");
  return (
    <form
      class="card"
      onSubmit={(event) => {
        event.preventDefault();
        if (token.trim() !== "") onToken(token.trim());
      }}
    >
      <h1>Token</h1>
      <p>This server was started with --token. It is kept until this tab is closed.</p>
      {wrong && <Problem>The server does not take this token.</Problem>}
      <div class="field">
        <label for="token">Token</label>
        <input id="token" type="password" autocomplete="off" value={token} onInput={(event) => setToken(event.currentTarget.value)} />
      </div>
      <div class="row">
        <button type="submit" class="main">
          Go on
        </button>
      </div>
    </form>
  );
}
