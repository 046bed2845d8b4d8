// A WebSocket message of OpAMP is a header, then protobuf bytes. The header is a Base-128 varint of a
// 64-bit number that must be 0 today. The specification allows any encoding of that zero, one to ten
// bytes long, so the header is decoded, never assumed to be one byte. Plain HTTP has no header.

/** A 64-bit varint never needs more bytes than this. */
export const HEADER_BYTES_MAX = 10;

export type FrameIssue = { code: "bad_header"; message: string };

export type Frame = { ok: true; data: Uint8Array } | { ok: false; issue: FrameIssue };

/** Splits the header off; `data` is a view into `frame`, empty when the frame is the header alone. */
export function decodeFrame(frame: Uint8Array): Frame {
  if (frame[0] === 0) return { ok: true, data: frame.subarray(1) };
  for (let index = 0; index < HEADER_BYTES_MAX; index += 1) {
    const byte = frame[index];
    if (byte === undefined) return badHeader("the header ends in the middle of its number");
    if ((byte & 0x7f) !== 0) return badHeader("the header is not 0");
    if (byte === 0) return { ok: true, data: frame.subarray(index + 1) };
  }
  return badHeader(`the header is longer than ${HEADER_BYTES_MAX} bytes`);
}

/** Puts the one-byte header 0 in front of an encoded message. */
export function encodeFrame(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(data.byteLength + 1);
  frame.set(data, 1);
  return frame;
}

function badHeader(message: string): Frame {
  return { ok: false, issue: { code: "bad_header", message } };
}
