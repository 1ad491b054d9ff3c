import pg from "pg";
import type { Database, Row, Sql } from "./database.ts";

/** Connects to a PostgreSQL server. What goes wrong with connections that nobody uses is told to `onError`. */
export function openPostgres(url: string, onError: (error: Error) => void): Database {
  const pool = new pg.Pool({ connectionString: url, application_name: "secateur" });
  pool.on("error", onError);
  return {
    embedded: false,
    ...sqlOf(pool),
    async transaction(run) {
      const client = await pool.connect();
      try {
        await client.query("BEGIN");
        const result = await run(sqlOf(client));
        await client.query("COMMIT");
        return result;
      } catch (error) {
        await client.query("ROLLBACK").catch(() => {}); // the first failure is the one to tell
        throw error;
      } finally {
        client.release();
      }
    },
    close: () => pool.end(),
  };
}

function sqlOf(client: pg.Pool | pg.PoolClient): Sql {
  return {
    async query(text, values) {
      const result: pg.QueryResult<Row> | pg.QueryResult<Row>[] = await client.query<Row>(
        text,
        values === undefined ? undefined : [...values],
      );
      return Array.isArray(result) ? (result.at(-1)?.rows ?? []) : result.rows; // several statements have several results
    },
  };
}
