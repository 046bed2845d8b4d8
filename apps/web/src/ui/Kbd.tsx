/** Keys as one presses them: "g a" are two strokes, "mod+k" one. */
export function Kbd({ keys }: { keys: string }) {
  return (
    <span className="inline-flex gap-0.5 whitespace-nowrap">
      {keys.split(" ").map((stroke, index) => (
        <kbd
          key={`${stroke}${index}`}
          className="rounded-sm border border-n5 bg-n1 px-1 font-sans text-xs leading-4 text-n8"
        >
          {stroke.replace("mod+", MOD).replace("enter", "↵").toUpperCase()}
        </kbd>
      ))}
    </span>
  );
}

export const IS_APPLE = /Mac|iPhone|iPad/.test(navigator.platform);
const MOD = IS_APPLE ? "⌘" : "Ctrl ";
