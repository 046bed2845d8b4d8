import { useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import type { Configuration } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { ShortId } from "../../ui/Copy.tsx";
import { TextArea, TextField } from "../../ui/Field.tsx";
import { Fact, Facts, Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";
import { useDraft } from "./useDraft.ts";

export default function ConfigurationSettings() {
  const { configurationId } = useParams({ from: "/frame/configurations/$configurationId" });
  const configuration = useSuspenseQuery(
    q("configurationRead", { params: { configuration_id: configurationId } }),
  ).data;
  return (
    <TabPage>
      <Section title="Name">
        <NameForm key={configuration.updated_at} configuration={configuration} />
      </Section>
      <Section title="About">
        <Facts>
          <Fact name="Made">
            <Time at={configuration.created_at} /> by {configuration.created_by.name}
          </Fact>
          <Fact name="Id">
            <ShortId id={configuration.id} label="configuration id" />
          </Fact>
          <Fact name="Hash">
            <ShortId id={configuration.hash} label="hash" />
          </Fact>
        </Facts>
      </Section>
      <Section title="Archive">
        <Archive configuration={configuration} />
      </Section>
    </TabPage>
  );
}

function NameForm({ configuration }: { configuration: Configuration }) {
  const mayNot = useMayNot("configuration:write");
  const [name, setName] = useState(configuration.name);
  const [description, setDescription] = useState(configuration.description);
  const params = { configuration_id: configuration.id };
  const before = { name: configuration.name, description: configuration.description };
  const undo = useApi("configurationChange", { onSuccess: () => say("Changed back") });
  const change = useApi("configurationChange", {
    onSuccess: () => say("Saved", () => undo.mutate({ params, body: before })),
  });
  const whyNot =
    mayNot ??
    (name.trim() === "" ? "It needs a name." : undefined) ??
    (name === before.name && description === before.description ? "Nothing changed." : undefined);
  return (
    <form
      className="flex max-w-[560px] flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (whyNot === undefined && !change.isPending)
          change.mutate({ params, body: { name: name.trim(), description: description.trim() } });
      }}
    >
      <TextField
        label="Name"
        maxLength={200}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <TextArea
        label="What it is for"
        maxLength={2_000}
        value={description}
        onChange={(event) => setDescription(event.target.value)}
      />
      {change.error === null ? null : <Problem error={change.error} />}
      <div>
        <Button type="submit" look="primary" busy={change.isPending} whyNot={whyNot}>
          Save
        </Button>
      </div>
    </form>
  );
}

function Archive({ configuration }: { configuration: Configuration }) {
  const navigate = useNavigate();
  const mayNot = useMayNot("configuration:write");
  const [asks, setAsks] = useState(false);
  const [typed, setTyped] = useState("");
  const { keeper } = useDraft(configuration.id);
  const archive = useApi("configurationArchive", {
    onSuccess: () => {
      keeper.ended();
      say(`${configuration.name} is archived`);
      void navigate(paths.configurations());
    },
  });
  const whyNot = typed === configuration.name ? undefined : `Type ${configuration.name} to confirm.`;
  return (
    <div className="flex flex-col items-start gap-3">
      <p className="max-w-[72ch] text-n9">
        An archived configuration can be rolled out no more. Its versions stay readable, and agents that have
        one keep it.
      </p>
      <Button look="danger" whyNot={mayNot} onClick={() => setAsks(true)}>
        Archive…
      </Button>
      {asks ? (
        <Dialog
          title={`Archive ${configuration.name}`}
          description={`It leaves the list and can be rolled out no more. It is refused while agents should run it.${draftsWords(configuration.drafts)}`}
          onClose={() => setAsks(false)}
        >
          <form
            className="flex flex-col gap-4"
            onSubmit={(event) => {
              event.preventDefault();
              if (whyNot === undefined && !archive.isPending)
                archive.mutate({ params: { configuration_id: configuration.id } });
            }}
          >
            <TextField
              label={`Type ${configuration.name} to confirm`}
              autoComplete="off"
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
            />
            {archive.error === null ? null : <Problem error={archive.error} />}
            <DialogActions>
              <Button onClick={() => setAsks(false)}>Cancel</Button>
              <Button type="submit" look="danger" busy={archive.isPending} whyNot={whyNot}>
                Archive
              </Button>
            </DialogActions>
          </form>
        </Dialog>
      ) : null}
    </div>
  );
}

function draftsWords(drafts: number): string {
  if (drafts === 0) return "";
  return drafts === 1
    ? " One person has a draft of it, which goes with it."
    : ` ${drafts} people have drafts of it, which go with it.`;
}
