import { SecateurError } from "@secateur/kit";
import { nearestName } from "@secateur/kit/node";
import { z } from "zod";

/**
 * Checks an input, which messages call `what`, against a schema whose messages are what is wanted, as nouns. Throws SecateurError `usage` that names each key, what
 * was found and what is wanted, and for an unknown key the nearest.
 */
export function parseInput<Schema extends z.ZodObject>(schema: Schema, input: unknown, what: string): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new SecateurError("usage", result.error.issues.map((issue) => describeIssue(issue, input, schema, what)).join("; "));
}

function describeIssue(issue: z.core.$ZodIssue, input: unknown, schema: z.ZodObject, what: string): string {
  const place = issue.path.length > 0 ? issue.path.map(String).join(".") : what;
  const found = issue.path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown>)[key], input);
  if (issue.code !== "unrecognized_keys") return `${place}: ${show(found)} was given, ${issue.message} is wanted`;
  const known = keysAt(schema, issue.path);
  return issue.keys
    .map((key) => {
      const nearest = nearestName(key, known);
      return `${place}: no key is called ${JSON.stringify(key)}${nearest === undefined ? `, the keys are ${known.join(", ")}` : `; did you mean ${JSON.stringify(nearest)}?`}`;
    })
    .join("; ");
}

/** The keys of the object at a path of a schema. */
function keysAt(schema: unknown, [first, ...rest]: readonly PropertyKey[]): string[] {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional)
    return keysAt(schema.unwrap(), first === undefined ? [] : [first, ...rest]);
  if (schema instanceof z.ZodArray) return keysAt(schema.element, rest);
  if (!(schema instanceof z.ZodObject)) return [];
  return first === undefined ? Object.keys(schema.shape) : keysAt(schema.shape[String(first)], rest);
}

/** A value as messages show it. */
function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
