import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ADD_PLATFORMS, type AddPlatform } from "../../search.ts";
import { paths } from "../../paths.ts";
import { Dialog } from "../../ui/Dialog.tsx";
import type { CreatedToken } from "./created-token.ts";
import { CreateToken } from "./CreateToken.tsx";
import { PLATFORM_WORD } from "./commands.ts";
import { TokenCommand } from "./TokenCommand.tsx";

export default function AddAgent({ platform, onClose }: { platform: AddPlatform; onClose: () => void }) {
  const navigate = useNavigate();
  const [created, setCreated] = useState<CreatedToken | undefined>(undefined);
  return (
    <Dialog wide title="Add agent" onClose={onClose}>
      <div
        role="group"
        aria-label="Where it runs"
        className="grid grid-cols-4 gap-1 rounded-md border border-n5 p-0.5 max-md:grid-cols-2"
      >
        {ADD_PLATFORMS.map((choice) => (
          <button
            key={choice}
            type="button"
            aria-pressed={choice === platform}
            onClick={() => void navigate({ ...paths.addAgent(choice), replace: true })}
            className="h-8 rounded-sm px-2 whitespace-nowrap text-n9 hover:bg-n2 aria-pressed:bg-n3 aria-pressed:font-medium aria-pressed:text-n10 max-md:h-9"
          >
            {choice === "collector" ? (
              <span title={PLATFORM_WORD[choice]}>Collector</span>
            ) : (
              PLATFORM_WORD[choice]
            )}
          </button>
        ))}
      </div>
      {created === undefined ? (
        <CreateToken platform={platform} onCreated={setCreated} />
      ) : (
        <TokenCommand
          key={created.token.id}
          platform={platform}
          created={created}
          onAnew={() => setCreated(undefined)}
          onClose={onClose}
        />
      )}
    </Dialog>
  );
}
