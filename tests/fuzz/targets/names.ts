// Names of channels, nodes and messages as people type them, and aliases as peers send them.

import {
  aliasText,
  nearAliases,
  readingsOf,
  withAlias,
} from "../../../query_results/where/name.ts";
import { UserError } from "../../../shared/errors.ts";
import { printable } from "../../../shared/text.ts";
import { check, type Target, utf8 } from "../target.ts";

const NAMES = ["863846x913x104", "949776434284265576", "02abcdef01", "c80254900c45", "alias:ACINQ"];

/** See the module: one input is both. */
export function nameTarget(): Target {
  return {
    name: "name",
    corpus: [...NAMES, "02".repeat(33), "ab".repeat(32), "\u202e<b>\x1b[31m"].map(utf8),
    maxBytes: 120,
    run(input) {
      const alias = aliasText(input.subarray(0, 32).toHex());
      // deno-lint-ignore no-control-regex -- none may be left
      check(!/[\x00-\x1f\u202a-\u202e"]/.test(printable(alias)), "an alias reaches the terminal");
      const entries = [{ nodeId: "02", hex: input.subarray(0, 32).toHex() }];
      check(withAlias(alias, entries).length === 1, "an alias does not match itself");
      nearAliases(`${alias}x`, entries);
      try {
        return `ok ${readingsOf(new TextDecoder().decode(input)).map(({ kind }) => kind)}`;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        check(!/\p{Cc}/u.test(error.message), "a refusal is more than one plain line");
        return error.message.replace(/".*"/s, "");
      }
    },
  };
}
