import { keepPreviousData, useQuery } from "@tanstack/react-query";
import {
  Activity,
  ArrowRight,
  CalendarClock,
  FileCog,
  FilePlus,
  FileSearch,
  Monitor,
  Moon,
  Pause,
  Play,
  Plus,
  Rocket,
  Server,
  Sun,
} from "lucide-react";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { useState, type ReactNode } from "react";
import { useMe, whyNot } from "../api/me.ts";
import { q } from "../api/query.ts";
import { agentLook, JOB_LOOK, RUN_LOOK } from "../api/states.ts";
import { connect, pause, useLiveState } from "../live/live.ts";
import { paths } from "../paths.ts";
import { setTheme } from "../theme/theme.ts";
import { Kbd } from "../ui/Kbd.tsx";
import { StateMark } from "../ui/StateMark.tsx";
import { PLACES } from "./nav.ts";

const FOUND_MAX = 6;

/** ⌘K: go to any place, agent or run, and do what can be done from anywhere. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const { organization } = useMe();
  const navigate = useNavigate();
  const live = useLiveState();
  const [text, setText] = useState("");
  const [selected, setSelected] = useState("");
  const words = text.trim();
  const agents = useFound("agentList", words);
  const runs = useFound("runList", words);
  const jobs = useFound("jobList", words);
  const configurations = useFound("configurationList", words);
  // With each new answer the first result is the one that enter takes.
  const firstFound = agents[0]?.id ?? runs[0]?.id;
  const [known, setKnown] = useState(firstFound);
  if (known !== firstFound) {
    setKnown(firstFound);
    if (firstFound !== undefined)
      setSelected(`${agents[0] === undefined ? "run" : "agent"} ${firstFound} ${words}`);
  }
  const act = (run: () => unknown) => () => {
    onClose();
    run();
  };
  const may = (permission: Parameters<typeof whyNot>[1]) =>
    whyNot(organization.role, permission) === undefined;
  return (
    <Command.Dialog
      open
      onOpenChange={(open: boolean) => (open ? undefined : onClose())}
      label="Go to or do"
      loop
      value={selected}
      onValueChange={setSelected}
      overlayClassName="fixed inset-0 z-40 bg-[oklch(0_0_0/0.45)]"
      contentClassName="fixed z-40 inset-x-3 top-3 md:top-[12vh] md:left-1/2 md:right-auto md:w-[600px] md:-translate-x-1/2 overflow-hidden rounded-lg border border-n5 bg-n0 shadow-xl animate-appear"
    >
      <Command.Input
        value={text}
        onValueChange={setText}
        placeholder="Go to an agent, a run, a page, or do something…"
        className="h-12 w-full border-b border-n4 bg-n0 px-4 text-lg text-n10 outline-none placeholder:text-n8"
      />
      <Command.List className="max-h-[min(60dvh,420px)] overflow-y-auto p-1.5">
        <Command.Empty className="px-3 py-6 text-n8">Nothing matches “{words}”.</Command.Empty>
        {agents.length === 0 ? null : (
          <Group heading="Agents">
            {agents.map((agent) => (
              <Item
                key={agent.id}
                value={`agent ${agent.id} ${words}`}
                icon={<Server size={16} />}
                onSelect={act(() => navigate(paths.agent(agent.id)))}
                aside={<StateMark {...agentLook(agent)} />}
              >
                {agent.name}
              </Item>
            ))}
          </Group>
        )}
        {runs.length === 0 ? null : (
          <Group heading="Runs">
            {runs.map((run) => (
              <Item
                key={run.id}
                value={`run ${run.id} ${words}`}
                icon={<Activity size={16} />}
                onSelect={act(() => navigate(paths.run(run.id)))}
                aside={<StateMark {...RUN_LOOK[run.state]} />}
              >
                {run.name} <span className="text-n8">on {run.agent_name}</span>
              </Item>
            ))}
          </Group>
        )}
        {jobs.length === 0 ? null : (
          <Group heading="Jobs">
            {jobs.map((job) => (
              <Item
                key={job.id}
                value={`job ${job.id} ${words}`}
                icon={<CalendarClock size={16} />}
                onSelect={act(() => navigate(paths.job(job.id)))}
                aside={<StateMark {...JOB_LOOK[job.status]} />}
              >
                {job.name} <span className="text-n8">{job.schedule_in_words ?? "by hand"}</span>
              </Item>
            ))}
          </Group>
        )}
        {configurations.length === 0 ? null : (
          <Group heading="Configurations">
            {configurations.map((configuration) => (
              <Item
                key={configuration.id}
                value={`configuration ${configuration.id} ${words}`}
                icon={<FileCog size={16} />}
                onSelect={act(() => navigate(paths.configuration(configuration.id)))}
                aside={<span className="text-n8">v{configuration.current_version}</span>}
              >
                {configuration.name}
              </Item>
            ))}
          </Group>
        )}
        <Group heading="Do">
          {may("token:write") ? (
            <Item
              value="add agent enrol"
              icon={<Plus size={16} />}
              keys="c a"
              onSelect={act(() => navigate(paths.addAgent()))}
            >
              Add an agent
            </Item>
          ) : null}
          {may("run:write") ? (
            <Item
              value="launch run command start"
              icon={<Play size={16} />}
              keys="c r"
              onSelect={act(() => navigate(paths.launchRun()))}
            >
              Launch a run
            </Item>
          ) : null}
          {may("run:write") ? (
            <Item
              value="new job create schedule cron"
              icon={<Plus size={16} />}
              keys="c j"
              onSelect={act(() => navigate(paths.newJob()))}
            >
              New job
            </Item>
          ) : null}
          {may("configuration:write") ? (
            <Item
              value="new configuration create collector yaml import"
              icon={<FilePlus size={16} />}
              keys="c c"
              onSelect={act(() => navigate(paths.newConfiguration()))}
            >
              New configuration
            </Item>
          ) : null}
          {may("rollout:write") ? (
            <Item
              value="new rollout roll out deploy configuration"
              icon={<Rocket size={16} />}
              keys="c o"
              onSelect={act(() => navigate(paths.newRollout()))}
            >
              New rollout
            </Item>
          ) : null}
          {may("policy:write") ? (
            <Item
              value="new policy create detection"
              icon={<Plus size={16} />}
              onSelect={act(() => navigate(paths.newPolicy()))}
            >
              New detection policy
            </Item>
          ) : null}
          <Item
            value="detect saved log file look into"
            icon={<FileSearch size={16} />}
            onSelect={act(() => navigate(paths.detect()))}
          >
            Look into a saved log
          </Item>
          <Item
            value="calendar of jobs schedule"
            icon={<CalendarClock size={16} />}
            onSelect={act(() => navigate(paths.jobCalendar()))}
          >
            Calendar of jobs
          </Item>
          <Item
            value="pause live go on resume"
            icon={live.kind === "paused" ? <Play size={16} /> : <Pause size={16} />}
            onSelect={act(live.kind === "paused" ? connect : pause)}
          >
            {live.kind === "paused" ? "Let the page go on" : "Pause the page"}
          </Item>
          <Item value="theme light" icon={<Sun size={16} />} onSelect={act(() => setTheme("light"))}>
            Light theme
          </Item>
          <Item value="theme dark" icon={<Moon size={16} />} onSelect={act(() => setTheme("dark"))}>
            Dark theme
          </Item>
          <Item value="theme system" icon={<Monitor size={16} />} onSelect={act(() => setTheme("system"))}>
            Theme as the system
          </Item>
        </Group>
        <Group heading="Go to">
          {PLACES.filter(({ needs }) => may(needs)).map((place) => (
            <Item
              key={place.name}
              value={`go to ${place.name}`}
              icon={<place.icon size={16} />}
              keys={place.keys}
              onSelect={act(() => navigate(place.link))}
            >
              {place.name}
            </Item>
          ))}
          {words === "" ? null : (
            <Item
              value={`search agents ${words}`}
              icon={<ArrowRight size={16} />}
              onSelect={act(() => navigate(paths.agents({ q: words })))}
            >
              All agents matching “{words}”
            </Item>
          )}
        </Group>
      </Command.List>
    </Command.Dialog>
  );
}

function useFound<K extends FoundName>(name: K, words: string) {
  const { data } = useQuery({
    ...q(name, { query: { q: words, limit: FOUND_MAX } } as Parameters<typeof q<K>>[1]),
    enabled: words.length > 0,
    placeholderData: keepPreviousData,
  });
  return words === "" || data === undefined ? [] : (data as unknown as { items: Found<K>[] }).items;
}
type FoundName = "agentList" | "runList" | "jobList" | "configurationList";
type Found<K extends FoundName> = import("../api/query.ts").Item<K>;

function Group({ heading, children }: { heading: string; children: ReactNode }) {
  return (
    <Command.Group
      heading={heading}
      className="[&>[cmdk-group-heading]]:px-2.5 [&>[cmdk-group-heading]]:pt-2 [&>[cmdk-group-heading]]:pb-1 [&>[cmdk-group-heading]]:text-sm [&>[cmdk-group-heading]]:text-n8"
    >
      {children}
    </Command.Group>
  );
}

interface ItemProps {
  readonly value: string;
  readonly icon: ReactNode;
  readonly keys?: string;
  readonly aside?: ReactNode;
  readonly onSelect: () => void;
  readonly children: ReactNode;
}

function Item({ value, icon, keys, aside, onSelect, children }: ItemProps) {
  return (
    <Command.Item
      value={value}
      onSelect={onSelect}
      className="flex h-9 items-center gap-2.5 rounded-md px-2.5 select-none aria-selected:bg-accent-soft"
    >
      <span aria-hidden="true" className="text-n8">
        {icon}
      </span>
      <span className="min-w-0 flex-1 truncate">{children}</span>
      {aside}
      {keys === undefined ? null : <Kbd keys={keys} />}
    </Command.Item>
  );
}
