#!/usr/bin/env node
// `npm start`: sets up whatever is missing, then runs the `flowplane` command on the right Node.
import { requireSupportedNode } from "./setup/node-version.mjs";

requireSupportedNode();
void import("./setup/launch.mjs").then(function (launch) {
  return launch.main(process.argv.slice(2));
});
