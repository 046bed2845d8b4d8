// The shape of each message as the wire sees it: which field number carries which wire type, and which
// length-delimited fields hold further messages. Taken from the generated descriptors, so it cannot drift.

import { ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";

export const WIRE_VARINT = 0;
export const WIRE_64BIT = 1;
export const WIRE_LENGTH = 2;
export const WIRE_START_GROUP = 3;
export const WIRE_END_GROUP = 4;
export const WIRE_32BIT = 5;

/** `inner` is null for what is not a message. */
export type FieldShape = { name: string; wireType: number; inner: MessageShape | null };

/** Indexed by field number; OpAMP's are all below 16. */
export type MessageShape = (FieldShape | undefined)[];

const shapes = new Map<string, MessageShape>();

export function messageShape(desc: DescMessage): MessageShape {
  const known = shapes.get(desc.typeName);
  if (known) return known;
  const shape: MessageShape = [];
  shapes.set(desc.typeName, shape); // before the fields: messages refer to themselves
  for (const field of desc.fields) shape[field.number] = fieldShape(field);
  return shape;
}

function fieldShape(field: DescField): FieldShape {
  const { name } = field;
  switch (field.fieldKind) {
    case "message":
      return { name, wireType: WIRE_LENGTH, inner: messageShape(field.message) };
    case "map":
      return { name, wireType: WIRE_LENGTH, inner: mapEntryShape(field) };
    case "list":
      if (field.listKind === "message") {
        return { name, wireType: WIRE_LENGTH, inner: messageShape(field.message) };
      }
      if (field.listKind === "scalar") return { name, wireType: scalarWireType(field.scalar), inner: null };
      return { name, wireType: WIRE_VARINT, inner: null };
    case "enum":
      return { name, wireType: WIRE_VARINT, inner: null };
    case "scalar":
      return { name, wireType: scalarWireType(field.scalar), inner: null };
  }
}

function mapEntryShape(field: DescField & { fieldKind: "map" }): MessageShape {
  const key: FieldShape = { name: "key", wireType: scalarWireType(field.mapKey), inner: null };
  if (field.mapKind === "message") {
    const value = { name: "value", wireType: WIRE_LENGTH, inner: messageShape(field.message) };
    return [undefined, key, value];
  }
  const wireType = field.mapKind === "scalar" ? scalarWireType(field.scalar) : WIRE_VARINT;
  return [undefined, key, { name: "value", wireType, inner: null }];
}

function scalarWireType(scalar: ScalarType): number {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WIRE_LENGTH;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WIRE_64BIT;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WIRE_32BIT;
    case ScalarType.BOOL:
    case ScalarType.INT32:
    case ScalarType.INT64:
    case ScalarType.UINT32:
    case ScalarType.UINT64:
    case ScalarType.SINT32:
    case ScalarType.SINT64:
      return WIRE_VARINT;
  }
}
