/**
 * The collector's version, as it is told with each run.
 *
 * @module
 */

/** As in CHANGELOG.md. */
export const VERSION = "0.1.0";
