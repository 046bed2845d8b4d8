import { testGuide } from "./harness/guide-test.ts";

testGuide("the guide to supervision", "supervise-a-job.md", { stepMs: 180_000 });
