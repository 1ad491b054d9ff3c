/** A row of a result, column → value. */
export type Row = Readonly<Record<string, unknown>>;

/** Runs one statement with its values, or several without any. */
export interface Sql {
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
}

/** PostgreSQL, embedded or a server's. */
export interface Database extends Sql {
  /** Whether this process alone uses it. */
  readonly embedded: boolean;
  /** Everything that `run` does happens, or nothing. */
  transaction<Result>(run: (sql: Sql) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}
