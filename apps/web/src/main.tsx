import { render } from "preact";
import type { TokenStore } from "./api/client.ts";
import { App } from "./app.tsx";

const KEY = "secateur-token";
const tokens: TokenStore = {
  get: () => sessionStorage.getItem(KEY) ?? undefined,
  set(token) {
    if (token === undefined) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  },
};

const root = document.getElementById("app");
if (root) render(<App tokens={tokens} />, root);
