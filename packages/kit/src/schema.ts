/**
 * Options of a plugin: a Standard Schema (https://standardschema.dev) that can also give its JSON Schema, as zod 4's schemas do.
 * Only what is read here is asked for, so that any such library fits.
 */
export interface OptionSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    /** Checks options as a user gave them. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
  /** The JSON Schema (draft 2020-12) of the options, for help, forms and completion. */
  toJSONSchema?(options?: { readonly io?: "input" | "output" }): object;
}

/** What a Standard Schema answers: the value, with defaults filled in, or what is wrong with it. */
export type SchemaResult<Output> = { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

/** One complaint of a schema. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
