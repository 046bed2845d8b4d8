/** Most bytes of a configuration. The largest real ones are some hundred kilobytes. */
export const CONFIG_BYTES_MAX = 512 * 1024;
/** Most values that aliases may stand for: a few lines of YAML can say "billions of laughs". */
export const ALIASES_MAX = 100;
/** Most levels of maps and lists within each other. */
export const DEPTH_MAX = 64;
/** Most problems told of one configuration. */
export const PROBLEMS_MAX = 200;
/** Longest name of a component behind its type, in characters (Collector: component.ID). */
export const COMPONENT_NAME_CHARS_MAX = 1024;
