// What one message may cost us. Every bound is checked on the raw bytes, before anything is decoded.

/** The specification's default for a whole message, after decompression. */
export const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

/** Messages inside messages. A level of a health tree takes two (map entry and node), of an attribute three. */
export const NESTING_DEPTH_MAX = 64;

/** `entries` counts every field on the wire, at any depth below the sub-message. */
export type SubMessageLimit = { bytesMax: number; entriesMax: number };

const KIB = 1024;
const MIB = 1024 * 1024;

/** For a sub-message that is not listed below: unknown to us, or too simple to need more. */
export const OTHER_SUB_MESSAGE_LIMIT: SubMessageLimit = { bytesMax: 64 * KIB, entriesMax: 1_000 };

/** Hashes are compared and kept in memory for each agent; ours have 32 bytes. */
export const HASH_BYTES_MAX = 256;

/** Longer error messages of agents are cut. */
export const ERROR_MESSAGE_CHARS_MAX = 16 * KIB;

export type MessageLimits = {
  messageBytesMax: number;
  nestingDepthMax: number;
  /** By field number of the outermost message. */
  subMessages: Readonly<Record<number, SubMessageLimit>>;
};

/** What an agent may send. A full Collector has some 300 components; these leave it ten times the room. */
export const AGENT_MESSAGE_LIMITS: MessageLimits = {
  messageBytesMax: MESSAGE_BYTES_MAX,
  nestingDepthMax: NESTING_DEPTH_MAX,
  subMessages: {
    3: { bytesMax: 256 * KIB, entriesMax: 8_000 }, // agent_description
    5: { bytesMax: 1 * MIB, entriesMax: 20_000 }, // health
    6: { bytesMax: 8 * MIB, entriesMax: 4_000 }, // effective_config
    7: { bytesMax: 256 * KIB, entriesMax: 16 }, // remote_config_status
    8: { bytesMax: 1 * MIB, entriesMax: 20_000 }, // package_statuses
    12: { bytesMax: 64 * KIB, entriesMax: 1_000 }, // custom_capabilities
    13: { bytesMax: 4 * MIB, entriesMax: 16 }, // custom_message
    14: { bytesMax: 4 * MIB, entriesMax: 100_000 }, // available_components
    15: { bytesMax: 256 * KIB, entriesMax: 16 }, // connection_settings_status
  },
};

/** What a server may send to our agent. */
export const SERVER_MESSAGE_LIMITS: MessageLimits = {
  messageBytesMax: MESSAGE_BYTES_MAX,
  nestingDepthMax: NESTING_DEPTH_MAX,
  subMessages: {
    3: { bytesMax: 8 * MIB, entriesMax: 4_000 }, // remote_config
    4: { bytesMax: 1 * MIB, entriesMax: 4_000 }, // connection_settings
    5: { bytesMax: 4 * MIB, entriesMax: 20_000 }, // packages_available
    10: { bytesMax: 64 * KIB, entriesMax: 1_000 }, // custom_capabilities
    11: { bytesMax: 4 * MIB, entriesMax: 16 }, // custom_message
  },
};
