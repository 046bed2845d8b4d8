#!/usr/bin/env node
// `npm test [-- paths]`: sets up whatever is missing, checks the code and runs the tests.
import { requireSupportedNode } from "./setup/node-version.mjs";

requireSupportedNode();
void import("./testing/main.mjs").then(function (testing) {
  return testing.main(process.argv.slice(2));
});
