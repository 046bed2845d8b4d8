import {
  cloneElement,
  lazy,
  Suspense,
  useState,
  type ComponentProps,
  type ReactElement,
  type ReactNode,
} from "react";

/** What a menu holds, as data, so that the code that draws and positions it is loaded when one is opened. */
export type MenuEntry =
  | {
      readonly kind: "item";
      readonly text: ReactNode;
      readonly icon?: ReactNode;
      readonly whyNot?: string | undefined;
      readonly danger?: boolean;
      readonly onSelect: () => void;
    }
  | {
      readonly kind: "choice";
      readonly text: ReactNode;
      readonly key: string;
      readonly aside?: ReactNode;
      readonly isChosen: boolean;
      /** The menu stays open, for several choices. */
      readonly stays?: boolean;
      readonly onSelect: () => void;
    }
  | { readonly kind: "label"; readonly text: ReactNode }
  | { readonly kind: "line" };

export interface MenuProps {
  /** The button that opens it. */
  readonly trigger: ReactElement<ComponentProps<"button">>;
  readonly entries: readonly MenuEntry[];
  readonly align?: "start" | "end";
}

const load = () => import("./OpenMenu.tsx");
const OpenMenu = lazy(load);

export function Menu(props: MenuProps) {
  const [isWanted, setIsWanted] = useState(false);
  const idle = cloneElement(props.trigger, {
    "aria-haspopup": "menu",
    "aria-expanded": false,
    onPointerEnter: () => void load(),
    onFocus: () => void load(),
    onClick: () => setIsWanted(true),
  });
  return isWanted ? (
    <Suspense fallback={idle}>
      <OpenMenu {...props} />
    </Suspense>
  ) : (
    idle
  );
}
