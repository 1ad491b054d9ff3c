// Apart from what is written by them, which only `plugins new` loads.

/** The kinds of plugins that can be begun. */
export const PLUGIN_KINDS = ["scorer", "fuser", "allocator", "loader", "backend"] as const;

/** What `--license` calls the licences, the default first. */
export const LICENCE_NAMES = ["apache-2.0", "mit"] as const;
