import { join, resolve } from "node:path";
import { SecateurError } from "@secateur/kit";
import { describe, expect, it } from "vitest";
import { parseSettings } from "../src/settings.ts";

const TOKEN = "sixteen-or-more-characters";

describe("settings", () => {
  it("listen on loopback without a token, and elsewhere with one", () => {
    expect(parseSettings([], {})).toMatchObject({ host: "127.0.0.1", port: 7373, token: undefined, workers: 1 });
    for (const host of ["127.0.0.2", "::1", "localhost"]) expect(parseSettings(["--host", host], {})?.host).toBe(host);
    expect(parseSettings(["--host", "0.0.0.0", "--token", TOKEN], {})).toMatchObject({ host: "0.0.0.0", token: TOKEN });
    expect(parseSettings(["--host", "::"], { SECATEUR_TOKEN: TOKEN })).toMatchObject({ host: "::", token: TOKEN });
  });

  it("name folders by their whole paths, and the database by its variable", () => {
    const settings = parseSettings(["--models", "a", "--models", "b", "--data", "c"], {
      SECATEUR_DATA: "/kept",
      DATABASE_URL: "postgres://x",
    });
    expect(settings).toMatchObject({ models: [resolve("a"), resolve("b")], data: [resolve("c")], home: join("/kept", "server") });
    expect(settings?.databaseUrl).toBe("postgres://x");
  });

  it("are not read where help is asked for", () => expect(parseSettings(["--port", "x", "--help"], {})).toBeUndefined());

  it.each([
    [["--host", "0.0.0.0"], "--host 0.0.0.0 is reached from other machines: give --token, or SECATEUR_TOKEN"],
    [["--host", "::"], "--host :: is reached from other machines: give --token, or SECATEUR_TOKEN"],
    [["--host", "127.evil.example"], "--host 127.evil.example: an address was wanted, such as 127.0.0.1 or 0.0.0.0"],
    [["--host", "0.0.0.0", "--token", "short"], "--token has 5 characters, and at least 16 are wanted"],
    [["--port", "70000"], "--port 70000: a whole number from 0 to 65535 was wanted"],
    [["--workers", "-1"], "--help shows what there is"],
    [["--max-upload", "0.5"], "--max-upload 0.5: a whole number from 1 to 1048576 was wanted"],
    [["--unknown"], "Unknown option '--unknown'"],
    [["extra"], "--help shows what there is"],
  ])("refuse %j", (args, message) => {
    expect(() => parseSettings(args, {})).toThrow(SecateurError);
    expect(() => parseSettings(args, {})).toThrow(message);
  });
});
