import { afterAll, beforeAll, expect, test } from "vitest";
import {
  agentRow,
  enrolMachine,
  message,
  openMachine,
  open,
  newToken,
  startPlane,
  type TestPlane,
  poll,
  agentByUid,
} from "../../testing/gateway.ts";
import { newId } from "../../platform/context.ts";

let plane: TestPlane;
beforeAll(async () => {
  plane = await startPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());

test("an agent enrols and connects by its certificate", async () => {
  const machine = await enrolMachine(plane);
  const socket = await openMachine(plane, machine);
  const reply = await socket.ask(message(machine.uid, 0));
  expect(reply.capabilities).toBe(0x57n);
  expect(reply.flags).toBe(1n);
  const row = await agentRow(plane, machine.agentId);
  expect(row).toMatchObject({ transport: "websocket", sequence_num: 0, credential: "certificate" });
  await socket.close();
});
test("a collector comes by an enrolment token, over HTTP and then a WebSocket", async () => {
  const { secret } = await newToken(plane);
  const uid = newId();
  const url = `http://127.0.0.1:${plane.httpPort}/v1/opamp`;
  const { message: reply } = await poll(url, message(uid, 0), {
    headers: { authorization: `Bearer ${secret}` },
  });
  expect(reply?.flags).toBe(1n);
  expect(await agentByUid(plane, uid)).toMatchObject({ kind: "collector", transport: "http" });
  const socket = await open(`ws://127.0.0.1:${plane.httpPort}/v1/opamp`, {
    headers: { authorization: `Bearer ${secret}` },
  });
  await socket.ask(message(uid, 1));
});
