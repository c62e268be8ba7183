/** One connection to a database, with its statements prepared once. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { Durability } from '../store.ts';

/** A connection. Rows are objects that the caller, who wrote the query, knows the type of. */
export interface Connection {
  get(sql: string, ...values: SQLInputValue[]): object | null;
  all(sql: string, ...values: SQLInputValue[]): object[];
  /** Runs one statement; returns the number of rows that it changed. */
  run(sql: string, ...values: SQLInputValue[]): number;
  /** Gives scripts of this connection a function of ours; the same arguments make the same text. */
  define(name: string, make: (...values: unknown[]) => string): void;
  /** Runs a script of several statements. */
  script(sql: string): void;
  inTransaction(): boolean;
  close(): void;
}

/**
 * Milliseconds that SQLite itself waits for a lock. It waits by blocking its thread, so it never does: `whileLocked`
 * waits between two tries. With 20 ms a server spent half of its time standing still while another process wrote.
 */
const NATIVE_BUSY_MS = 0;
/** The write-ahead log is cut back to this size when it has been copied into the database. */
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

/**
 * Opens a connection without touching the file's contents.
 *
 * @param path absolute, so that SQLite does not take a leading `file:` for a URI
 */
export function connect(path: string): Connection {
  const database = new DatabaseSync(path, {
    timeout: NATIVE_BUSY_MS,
    defensive: true,
    enableForeignKeyConstraints: true,
  });
  // Every SQL text is a constant of this room, so the number of prepared statements is bounded.
  const prepared = new Map<string, StatementSync>();
  const statement = (sql: string): StatementSync => {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const made = database.prepare(sql);
    prepared.set(sql, made);
    return made;
  };
  return {
    get(sql, ...values) {
      return statement(sql).get(...values) ?? null;
    },
    all(sql, ...values) {
      return statement(sql).all(...values);
    },
    run(sql, ...values) {
      return Number(statement(sql).run(...values).changes);
    },
    define(name, make) {
      database.function(name, { deterministic: true, varargs: true }, make);
    },
    script(sql) {
      database.exec(sql);
    },
    inTransaction() {
      return database.isTransaction;
    },
    close() {
      if (database.isOpen) database.close();
    },
  };
}

/**
 * Sets what a connection promises when it commits. It can't change inside a transaction, hence one connection
 * per durability.
 */
export function configure(db: Connection, durability: Durability): void {
  db.script(`PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`);
  db.script(`PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`);
  db.script('PRAGMA trusted_schema = OFF');
  // Finds damaged pages when they are read, instead of trusting their cell offsets.
  db.script('PRAGMA cell_size_check = ON');
}
