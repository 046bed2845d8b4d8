import { Link } from "@tanstack/react-router";
import type { AuditEvent } from "@flowplane/contract";
import { absoluteTime } from "../../lib/time.ts";
import { pathOfResource, paths } from "../../paths.ts";
import { ShortId } from "../../ui/Copy.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Fact, Facts } from "../../ui/Page.tsx";

const LINK = "underline decoration-n6 underline-offset-2 hover:decoration-n9";

/** One entry whole: all that its hash covers. */
export function AuditEventDialog({ event, onClose }: { event: AuditEvent; onClose: () => void }) {
  const target = pathOfResource(event.target_type, event.target_id);
  return (
    <Dialog wide title={`${event.seq}. ${event.action}`} onClose={onClose}>
      <Facts>
        <Fact name="When">{absoluteTime(Date.parse(event.at))}</Fact>
        <Fact name="Actor">
          {event.actor.name} ({event.actor.type.replaceAll("_", " ")}){" · "}
          <Link {...paths.audit({ actor_id: event.actor.id })} onClick={onClose} className={LINK}>
            all by them
          </Link>
        </Fact>
        <Fact name="Target">
          <span className="inline-flex flex-wrap items-center gap-x-2">
            {target === undefined ? (
              event.target_type.replaceAll("_", " ")
            ) : (
              <Link {...target} className={LINK}>
                {event.target_type.replaceAll("_", " ")}
              </Link>
            )}
            <ShortId id={event.target_id} label="target id" />
            <Link {...paths.audit({ target_id: event.target_id })} onClick={onClose} className={LINK}>
              all about it
            </Link>
          </span>
        </Fact>
        {event.reason === null ? null : <Fact name="Reason">“{event.reason}”</Fact>}
        {event.remote_address === null ? null : <Fact name="From">{event.remote_address}</Fact>}
        {event.request_id === null ? null : (
          <Fact name="request_id">
            <ShortId id={event.request_id} label="request_id" />
          </Fact>
        )}
        <Fact name="Hash">
          <ShortId id={event.hash} label="hash" />
        </Fact>
        <Fact name="Previous hash">
          <ShortId id={event.previous_hash} label="previous hash" />
        </Fact>
      </Facts>
      {Object.keys(event.metadata).length === 0 ? null : (
        <pre
          // Long lines scroll, so the block must be reachable by keyboard.
          tabIndex={0}
          role="region"
          aria-label="Metadata"
          className="max-h-72 overflow-auto rounded-md border border-n4 bg-n1 p-3 font-mono text-sm"
        >
          {JSON.stringify(event.metadata, null, 2)}
        </pre>
      )}
    </Dialog>
  );
}
