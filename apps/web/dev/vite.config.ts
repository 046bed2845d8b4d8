import { fileURLToPath } from "node:url";
import type { IncomingMessage, ServerResponse } from "node:http";
import { defineConfig, mergeConfig, type Plugin } from "vite";
import build from "../vite.config.ts";
import { Mock } from "./mock.ts";

async function answer(
  mock: Mock,
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) {
  try {
    if (!(await mock.handle(request, response))) next();
  } catch (error) {
    next(error);
  }
}

const mockApi: Plugin = {
  name: "mock-api",
  configureServer(server) {
    const mock = new Mock();
    server.middlewares.use((request, response, next) => {
      void answer(mock, request, response, next);
    });
  },
};

export default defineConfig(
  mergeConfig(build, { root: fileURLToPath(new URL("..", import.meta.url)), plugins: [mockApi] }),
);
