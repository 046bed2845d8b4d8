export * from "./gen/opamp_pb.ts";
