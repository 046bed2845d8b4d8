import type { LogLine } from "@flowplane/contract";
import { LOOP_FROM, LOOP_TEXT } from "./incidents.ts";
import { iso } from "./random.ts";

const ESC = "\u001b[";

/** Line `seq` of the mock's log, made when it is asked for: a million of them cost nothing. */
export function logLine(seq: number, startedAt: number, isLoop: boolean): LogLine {
  if (isLoop && seq >= LOOP_FROM) return loopLine(seq, startedAt);
  const stderr = seq % 97 === 13;
  return {
    seq,
    at: iso(startedAt + seq * 7),
    stream: stderr ? "stderr" : "stdout",
    text: stderr
      ? `${ESC}31merror${ESC}0m shard ${seq % 31}: connection reset by peer, retry ${seq % 5} of 5`
      : text(seq),
    partial: false,
  };
}

function loopLine(seq: number, startedAt: number): LogLine {
  const page = 400 + (seq % 40);
  return {
    seq,
    at: iso(startedAt + seq * 120),
    stream: seq % 3 === 2 ? "stdout" : "stderr",
    text:
      seq % 3 === 0
        ? LOOP_TEXT.replace("page/412", `page/${page}`)
        : seq % 3 === 1
          ? "    at TLSSocket.socketCloseListener (node:_http_client:473:27)"
          : `retry ${seq % 5} of 5 for page ${page}, token=[redacted:generic-key]`,
    partial: false,
  };
}

function text(seq: number): string {
  switch (seq % 12) {
    case 0:
      return `${ESC}1m==> ${ESC}0m${ESC}34mStage ${Math.floor(seq / 12)}${ESC}0m of the nightly import`;
    case 1:
      return `${ESC}32m✓${ESC}0m fetched ${ESC}36mhttps://data.example/part-${seq}.parquet${ESC}0m in ${(seq * 13) % 900} ms`;
    case 2:
      return `  downloading   3 %\r  downloading  41 %\r  downloading  87 %\r  downloading 100 %  ${(seq * 37) % 999} MB`;
    case 3:
      return `${ESC}33mwarn${ESC}0m column "amount" has ${(seq * 7) % 400} nulls`;
    case 4:
      return `{"level":"info","seq":${seq},"rows":${(seq * 911) % 100_000},"msg":"merged","took_ms":${(seq * 31) % 4_000}}`;
    case 5:
      return `${ESC}38;5;208mtemperature${ESC}0m ${ESC}38;2;120;200;255m${((seq * 17) % 90).toFixed(1)} °C${ESC}0m ${ESC}7m held ${ESC}0m ${ESC}2mdim text${ESC}22m ${ESC}4munderlined${ESC}0m`;
    case 6:
      return `rows=${(seq * 911) % 100_000} bytes=${(seq * 104_729) % 9_999_999} worker=${seq % 8} table=public.orders_${seq % 16} checksum=${((seq * 2_654_435_761) >>> 0).toString(16)} took=${seq % 977}ms ${"and a rather long tail of words ".repeat(seq % 3 === 0 ? 6 : 1)}`;
    case 7:
      return "";
    case 8:
      return `\tat merge (/srv/import/merge.js:${seq % 400}:${seq % 80})`;
    case 9:
      return `step ${seq}: ok`;
    case 10:
      return `${ESC}90m${iso(1_800_000_000_000 + seq * 1_000)}${ESC}0m ${ESC}35mscheduler${ESC}0m next tick in ${seq % 60} s`;
    default:
      return `compacted ${(seq * 3) % 77} segments`;
  }
}
