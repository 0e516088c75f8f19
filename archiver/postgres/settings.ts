// A session's settings: what the log-in, SET, RESET and the end of a transaction make of them.

import type { Changed, Settings } from "./catalogue.ts";
import type { DataSettings } from "./data.ts";
import { parameterStatus, SqlError } from "./replies.ts";

/** Settings of a session. The catalogue has the last word on what they are. */
export class SessionSettings {
  #current: Settings = [];
  /** Those to which RESET goes back. */
  #atLogin: Settings = [];
  /** Those at the begin of the transaction, and names of those set for its time. */
  #atBegin: Settings = [];
  readonly #locals = new Set<string>();
  /** As the client knows them. */
  readonly #told = new Map<string, string>();

  get current(): Settings {
    return this.#current;
  }

  /** What the catalogue made of them. @returns messages for the client. @throws {SqlError} */
  take(changed: Changed): Uint8Array[] {
    if ("refused" in changed) throw new SqlError("42501", changed.refused);
    this.#current = changed.own;
    const news = changed.reported.filter(([name, value]) => this.#told.get(name) !== value);
    for (const [name, value] of news) this.#told.set(name, value);
    return news.map(([name, value]) => parameterStatus(name, value));
  }

  /** From here on, RESET goes back to what they are now. */
  loggedIn(): void {
    this.#atLogin = this.#current;
  }

  begin(): void {
    this.#atBegin = this.#current;
  }

  /** Ends a setting with its transaction. */
  isLocal(name: string): void {
    this.#locals.add(name);
  }

  /** At the end of a transaction. @returns whether the catalogue should hear of it. */
  end(isUndone: boolean): boolean {
    const isChanged = this.#goBack(this.#atBegin, (name) => isUndone || this.#locals.has(name));
    this.#locals.clear();
    return isChanged;
  }

  /** RESET; of all without a name. @returns as {@link end} does. */
  reset(name: string | null): boolean {
    return this.#goBack(this.#atLogin, (own) => name === null || own === name);
  }

  #goBack(to: Settings, which: (name: string) => boolean): boolean {
    const isWanted = ([name]: Settings[number]) => which(name.toLowerCase());
    const before = JSON.stringify(this.#current);
    const kept = this.#current.filter((pair) => !isWanted(pair));
    this.#current = [...to.filter(isWanted), ...kept];
    return JSON.stringify(this.#current) !== before;
  }

  forData(): DataSettings {
    const own = new Map(this.#current.map(([name, value]) => [name.toLowerCase(), value]));
    const first = own.get("search_path")?.split(",")[0].replace(/["\s]/g, "");
    return {
      zone: own.get("timezone") ?? "UTC",
      timeoutMs: Number(own.get("statement_timeout") ?? 0),
      searchPath: first === "compat" ? "compat,main" : "main",
    };
  }
}
