import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { AuditEvent, Rollout } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q } from "../../api/query.ts";
import { ROLLOUT_LOOK, WAVE_LOOK } from "../../api/rollouts.ts";
import type { Tone } from "../../api/states.ts";
import { number } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import type { RolloutSearch } from "../../search.ts";
import { ShortId } from "../../ui/Copy.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { More } from "../../ui/More.tsx";
import { Fact, Facts, Section } from "../../ui/Page.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { Failures } from "./Failures.tsx";
import { planFacts } from "./planWords.ts";

const EVENTS_MAX = 100;

interface RolloutAsideProps {
  readonly rollout: Rollout;
  readonly onFilter: (part: RolloutSearch) => void;
  readonly className: string;
}

/** Beside the agents: why some failed, what was planned, what happened so far. */
export function RolloutAside({ rollout, onFilter, className }: RolloutAsideProps) {
  return (
    <aside
      aria-label="About this rollout"
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls
      tabIndex={0}
      className={`flex w-[340px] shrink-0 flex-col gap-6 overflow-y-auto border-l border-n4 px-5 py-4 focus-visible:-outline-offset-2 max-lg:w-full max-lg:border-l-0 ${className}`}
    >
      <Failures rollout={rollout} onFilter={onFilter} />
      <Section title="What and where">
        <Facts>
          <Fact name="Version">
            <Link
              {...paths.configurationTab(rollout.configuration_id, "versions", { version: rollout.version })}
              className={TEXT_LINK}
            >
              {rollout.configuration_name} v{rollout.version}
            </Link>
          </Fact>
          {rollout.split === null ? null : (
            <Fact name="Split">
              {rollout.split.percent} % get v{rollout.version}, the others v{rollout.split.baseline_version}
            </Fact>
          )}
          <Fact name="Agents">
            <Selector text={rollout.selector} />
          </Fact>
          <Fact name="Message">{rollout.message}</Fact>
          <Fact name="Id">
            <ShortId id={rollout.id} label="rollout id" />
          </Fact>
        </Facts>
      </Section>
      <Section title="Plan">
        <Facts>
          {planFacts(rollout.plan).map(({ name, words }) => (
            <Fact key={name} name={name}>
              {words}
            </Fact>
          ))}
        </Facts>
      </Section>
      <Timeline rollout={rollout} />
    </aside>
  );
}

/** One that names two hundred agents by their ids would push everything else out of sight. */
const SELECTOR_SHOWN_CHARS = 300;

function Selector({ text }: { text: string }) {
  const code = <code className="font-mono text-xs break-words">{text}</code>;
  if (text.length <= SELECTOR_SHOWN_CHARS) return code;
  return <More title={`A selector of ${number(text.length)} characters`}>{code}</More>;
}

interface Moment {
  readonly at: string;
  readonly tone: Tone;
  readonly words: string;
}

/** What happened, newest first: the waves, and what people did with their reasons. */
function Timeline({ rollout }: { rollout: Rollout }) {
  const mayNotAudit = useMayNot("audit:read");
  const events = useQuery({
    ...q("auditList", { query: { target_id: rollout.id, limit: EVENTS_MAX } }),
    enabled: mayNotAudit === undefined,
  }).data?.items;
  const moments = [...momentsOf(rollout), ...(events ?? []).flatMap(momentOfEvent)].toSorted((a, b) =>
    a.at < b.at ? 1 : -1,
  );
  return (
    <Section title="Timeline">
      <ol className="flex flex-col gap-1.5">
        {moments.map(({ at, tone, words }) => (
          <li key={`${at}${words}`} className="flex items-baseline gap-2">
            <StateShape tone={tone} />
            <span className="min-w-0 flex-1 break-words">{words}</span>
            <Time at={at} className="shrink-0 text-sm text-n8" />
          </li>
        ))}
      </ol>
    </Section>
  );
}

function momentsOf(rollout: Rollout): Moment[] {
  const { created_at, created_by, ended_at, state, reason, state_since } = rollout;
  const end = ROLLOUT_LOOK[state];
  return [
    { at: created_at, tone: "off", words: `Made by ${created_by.name}` },
    ...rollout.waves.flatMap(({ index, started_at, ended_at: waveEnd, state: waveState }): Moment[] => [
      ...(started_at === null
        ? []
        : [{ at: started_at, tone: "busy" as const, words: `Wave ${index + 1} begun` }]),
      ...(waveEnd === null
        ? []
        : [
            {
              at: waveEnd,
              tone: WAVE_LOOK[waveState].tone,
              words: `Wave ${index + 1} ${WAVE_LOOK[waveState].word.toLowerCase()}`,
            },
          ]),
    ]),
    ...(state === "paused" || state === "rolling_back" || ended_at !== null
      ? [
          {
            at: ended_at ?? state_since,
            tone: end.tone,
            words: reason === null ? end.word : `${end.word}: ${reason}`,
          },
        ]
      : []),
  ];
}

const ACTION_WORD: Readonly<Record<string, string>> = {
  "rollout.pause": "paused it",
  "rollout.resume": "let it go on",
  "rollout.approve": "approved the next wave",
  "rollout.abort": "aborted it",
  "rollout.roll_back": "took it back",
};

function momentOfEvent({ at, action, actor, reason }: AuditEvent): Moment[] {
  const words = ACTION_WORD[action];
  return words === undefined
    ? []
    : [{ at, tone: "off", words: `${actor.name} ${words}${reason === null ? "" : `: “${reason}”`}` }];
}
