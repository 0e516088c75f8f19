// What a broker may give a collector as its wish.

import { CollectorConfigSchema } from "../../../collector/config.ts";
import { readCourse } from "../../../collector/steering/course.ts";
import { parseConfig } from "../../../shared/config.ts";
import { UserError } from "../../../shared/errors.ts";
import { MAX_PEERS } from "../../../shared/fleet/wish.ts";
import { loopbackPolicy } from "../../support/fixtures/dialling.ts";
import { check, type Target, utf8 } from "../target.ts";

const NODE = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/** Wishes over a config. */
export function wishTarget(): Target {
  const config = parseConfig("name: vps1", CollectorConfigSchema, "vps1");
  const wish = {
    target: 800,
    kinds: ["ipv4", "onion"],
    rotate_every: "6h",
    rotate_share: 0.2,
    until: "2026-12-24T18:00:00Z",
  };
  const peers = [`${NODE}@127.0.0.1:9735`, `${NODE}@[::1]:9735`];
  return {
    name: "wish",
    corpus: [wish, { ...wish, peers }, { paused: true }].map((value) =>
      utf8(JSON.stringify(value))
    ),
    maxBytes: 600,
    run(input) {
      try {
        const course = readCourse(new TextDecoder().decode(input), config, loopbackPolicy);
        check(course.target >= 1 && course.target <= MAX_PEERS, "a target is out of bounds");
        check(course.kinds.length > 0 && course.rotateShare > 0, "a course leads nowhere");
        return `ok ${course.peers?.length} ${course.paused}`;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        check(!error.message.includes("\n"), "a refusal has more than one line");
        return error.message.split(/['`]|\d/)[0].slice(0, 60);
      }
    },
  };
}
