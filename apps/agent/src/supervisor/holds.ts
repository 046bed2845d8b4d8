// Why a run is paused. Several may want it paused at once; it goes on when nobody is left who does.

/** `quota`: its output outpaces the disk. `person`: somebody asked. `policy`: a detection policy did. */
export type Holder = "quota" | "person" | "policy";

export type Hold = { holder: Holder; reason: string; actor: string };

/** The holds after `hold` was added; a holder's newer reason replaces its older one. */
export function addHold(holds: readonly Hold[], hold: Hold): Hold[] {
  return [...holds.filter(({ holder }) => holder !== hold.holder), hold];
}

/** The holds after a holder let go. A person overrules a policy: it paused the run for a person to look at. */
export function dropHold(holds: readonly Hold[], holder: Holder): Hold[] {
  return holds.filter((hold) => hold.holder !== holder && !(holder === "person" && hold.holder === "policy"));
}
