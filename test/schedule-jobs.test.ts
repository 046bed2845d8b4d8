import { testGuide } from "./harness/guide-test.ts";

testGuide("the guide to schedules", "schedule-jobs.md");
