import { Button } from "../ui/Button.tsx";
import { hush, useAnnouncement } from "../ui/announce.ts";

export function Announcer() {
  const announcement = useAnnouncement();
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-0 bottom-4 z-50 flex justify-center max-md:bottom-18"
    >
      {announcement === undefined ? null : (
        <div className="pointer-events-auto flex animate-appear items-center gap-3 rounded-md border border-n5 bg-n0 px-3 py-1.5 shadow-md">
          {announcement.text}
          {announcement.undo === undefined ? null : (
            <Button
              onClick={() => {
                announcement.undo?.();
                hush();
              }}
            >
              Undo
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
