/** Bytes of one OTLP body, as it came and inflated. A Collector with a thousand series sends about 200 KiB. */
export const OTLP_BODY_BYTES_MAX = 8 * 1024 * 1024;
/** Data points, log records or spans in one body; a body with more is refused whole, before it is decoded. */
export const ITEMS_PER_BODY_MAX = 50_000;
/** Messages (in JSON: objects) of any kind in one body. */
export const ENTRIES_PER_BODY_MAX = 600_000;
/** Messages inside one another; OTLP itself needs eight, the rest is for values in attributes. */
export const DEPTH_MAX = 24;

/** Series one agent may have in one report; what of the Collector's own kind is known comes first. */
export const SERIES_PER_REPORT_MAX = 2_000;
/** Reports (moments of measuring) in one body: an exporter that was cut off sends what waited, one body each. */
export const REPORTS_PER_BODY_MAX = 60;
export const METRIC_NAME_CHARS_MAX = 200;
export const UNIT_CHARS_MAX = 63;
export const ATTRIBUTES_PER_SERIES_MAX = 32;
export const ATTRIBUTE_KEY_CHARS_MAX = 128;
export const ATTRIBUTE_VALUE_CHARS_MAX = 256;

/** Log records of one body that are kept; the newest. */
export const LOGS_PER_BODY_MAX = 1_000;
export const LOG_BODY_CHARS_MAX = 4_096;
export const LOG_ATTRIBUTES_CHARS_MAX = 4_096;

/** Spans of one body that are kept; the newest. */
export const SPANS_PER_BODY_MAX = 5_000;
export const SPAN_NAME_CHARS_MAX = 200;
export const SPAN_STATUS_CHARS_MAX = 1_024;
export const SPAN_ATTRIBUTES_CHARS_MAX = 4_096;
/** A span that says it took longer is taken as one that took so long. */
export const SPAN_MS_MAX = 24 * 3_600_000;

/** A time further ahead or behind than this is no time: what it is on counts as measured on arrival. */
export const FUTURE_MS_MAX = 5 * 60_000;
export const PAST_MS_MAX = 24 * 3_600_000;
/** SDKs read their clock once for each metric: times within this are one report. */
export const REPORT_SPREAD_MS = 1_000;
