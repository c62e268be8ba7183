/** The steps and what each waits for, drawn: one place of the keyboard that arrows move along the edges, zoom and drag. */
import {
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
} from 'react';
import { useKeys } from '../../frame/shortcuts.tsx';
import { Icon } from '../../parts/icon.tsx';
import { beside, draw, meets, type Box, type Drawing } from './layout.ts';
import { StepNode, type Shown } from './node.tsx';

const ZOOMS = [0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1, 1.25, 1.5] as const;
/** Below this nothing can be read: that far out only who wants to. */
const READABLE = 0.8;
/** How far around what is seen is drawn, too, in pixels. */
const AROUND_PX = 300;

interface Seen extends Box {
  readonly zoom: number;
}

function seenOf(scroller: HTMLElement, zoom: number): Seen {
  const { scrollLeft, scrollTop, clientWidth, clientHeight } = scroller;
  return {
    zoom,
    left: scrollLeft / zoom - AROUND_PX,
    top: scrollTop / zoom - AROUND_PX,
    right: (scrollLeft + clientWidth) / zoom + AROUND_PX,
    bottom: (scrollTop + clientHeight) / zoom + AROUND_PX,
  };
}

/** The zoom at which all of it is seen. */
function fitting({ width, height }: Drawing, scroller: HTMLElement): number {
  const whole = Math.min(scroller.clientWidth / width, scroller.clientHeight / height);
  return Math.min(1, Math.max(ZOOMS[0], whole));
}

/** Drags what is behind the nodes. */
function useDrag(): {
  readonly onPointerDown: (event: React.PointerEvent<HTMLDivElement>) => void;
} {
  return {
    onPointerDown(event) {
      const scroller = event.currentTarget;
      if (event.button !== 0 || event.pointerType !== 'mouse') return;
      if (event.target instanceof Element && event.target.closest('.node') !== null) return;
      const from = {
        x: event.clientX + scroller.scrollLeft,
        y: event.clientY + scroller.scrollTop,
      };
      const move = (moved: PointerEvent): void => {
        scroller.scrollLeft = from.x - moved.clientX;
        scroller.scrollTop = from.y - moved.clientY;
      };
      const end = (): void => {
        scroller.classList.remove('dragged');
        removeEventListener('pointermove', move);
        removeEventListener('pointerup', end);
      };
      scroller.classList.add('dragged');
      addEventListener('pointermove', move);
      addEventListener('pointerup', end);
    },
  };
}

/** Zooms where somebody turns the wheel with Ctrl, or pinches, over it. */
function useWheel(scroller: RefObject<HTMLDivElement | null>, onBy: (by: number) => void): void {
  const latest = useRef(onBy);
  useEffect(() => {
    latest.current = onBy;
  });
  useEffect(() => {
    const element = scroller.current;
    const turn = (event: WheelEvent): void => {
      if (!event.ctrlKey) return;
      // Else the whole page is zoomed.
      event.preventDefault();
      latest.current(event.deltaY < 0 ? 1 : -1);
    };
    element?.addEventListener('wheel', turn, { passive: false });
    return () => element?.removeEventListener('wheel', turn);
  }, [scroller]);
}

interface ToolsProps {
  readonly onBy: (by: number) => void;
  readonly onFit: () => void;
}

function Tools({ onBy, onFit }: ToolsProps): ReactNode {
  return (
    <div className="graph-tools" role="group" aria-label="Zoom">
      <button type="button" className="icon-button" aria-label="Further away" onClick={() => onBy(-1)}>
        <Icon name="less" />
      </button>
      <button type="button" className="icon-button" aria-label="Closer" onClick={() => onBy(1)}>
        <Icon name="add" />
      </button>
      <button type="button" className="icon-button" aria-label="All of it" onClick={onFit}>
        <Icon name="whole" />
      </button>
    </div>
  );
}

/** How much is seen of it, and how to see another part. */
function useWindow(drawing: Drawing) {
  const scroller = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState<Seen>({ zoom: 1, left: 0, top: 0, right: 2000, bottom: 1200 });
  const { zoom } = seen;
  const look = useCallback((): void => {
    if (scroller.current === null) return;
    const element = scroller.current;
    setSeen((before) => seenOf(element, before.zoom));
  }, []);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    setSeen(seenOf(element, Math.max(READABLE, fitting(drawing, element))));
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, [drawing, look]);
  const zoomTo = (next: number): void => {
    const element = scroller.current;
    if (element === null) return;
    // What was in the middle stays there.
    const [x, y] = [
      element.scrollLeft + element.clientWidth / 2,
      element.scrollTop + element.clientHeight / 2,
    ];
    const by = next / zoom;
    setSeen(seenOf(element, next));
    requestAnimationFrame(() => {
      element.scrollLeft = x * by - element.clientWidth / 2;
      element.scrollTop = y * by - element.clientHeight / 2;
      look();
    });
  };
  return {
    scroller,
    seen,
    look,
    fit: (): void => {
      if (scroller.current !== null) zoomTo(fitting(drawing, scroller.current));
    },
    zoomBy: (by: number): void => {
      const next = by > 0 ? ZOOMS.find((one) => one > zoom) : ZOOMS.findLast((one) => one < zoom);
      if (next !== undefined) zoomTo(next);
    },
    show: ({ left, top, right, bottom }: Box): void => {
      const element = scroller.current;
      if (element === null) return;
      const room = 24;
      const inside = (from: number, to: number, at: number, size: number): number =>
        from * zoom - room < at ? from * zoom - room : Math.max(at, to * zoom + room - size);
      element.scrollLeft = inside(left, right, element.scrollLeft, element.clientWidth);
      element.scrollTop = inside(top, bottom, element.scrollTop, element.clientHeight);
      look();
    },
  };
}

/** What waits for what; the edges of the step that one is at stand out. */
function Edges({
  drawing: { width, height, edges },
  seen,
  here,
}: {
  readonly drawing: Drawing;
  readonly seen: Seen;
  readonly here: string | null;
}): ReactNode {
  return (
    <svg width={width} height={height} aria-hidden="true" focusable="false">
      <defs>
        <marker
          id="arrow"
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="8"
          markerHeight="8"
          markerUnits="userSpaceOnUse"
          orient="auto"
        >
          <path d="M0 0.5 7 4 0 7.5Z" />
        </marker>
      </defs>
      {edges
        .filter((edge) => meets(edge, seen))
        .map(({ from, to, path }) => (
          <path
            key={`${from} ${to}`}
            d={path}
            className={from === here || to === here ? 'edge near' : 'edge'}
            markerEnd="url(#arrow)"
          />
        ))}
    </svg>
  );
}

interface GraphProps {
  readonly steps: ReadonlyMap<string, Shown>;
  /** The step that the keyboard is at. */
  readonly at: string | null;
  readonly onAt: (name: string) => void;
  /** What happens at a step that has no job. */
  readonly onOpen: (name: string) => void;
  /** Names and dependencies, the same object as long as they are the same. */
  readonly plan: readonly { readonly name: string; readonly depends_on: readonly string[] }[];
}

/** The graph. */
export function Graph({ steps, plan, at, onAt, onOpen }: GraphProps): ReactNode {
  const drawing = useMemo(() => draw(plan), [plan]);
  const view = useWindow(drawing);
  const { seen, scroller } = view;
  const here = at ?? drawing.nodes[0]?.name ?? null;
  const drag = useDrag();
  useWheel(scroller, view.zoomBy);
  useKeys({ '+': () => view.zoomBy(1), '-': () => view.zoomBy(-1), '0': view.fit });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (here === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = beside(drawing, here, event.key);
    if (next === null) return;
    event.preventDefault();
    onAt(next);
    const box = drawing.nodes.find(({ name }) => name === next);
    if (box !== undefined) view.show(box);
    // It may have to be drawn first.
    requestAnimationFrame(() => {
      scroller.current
        ?.querySelector<HTMLElement>(`[data-step="${CSS.escape(next)}"]`)
        ?.focus({ preventScroll: true });
    });
  };
  const nodes = drawing.nodes.filter((node) => node.name === here || meets(node, seen));
  const size = { width: drawing.width * seen.zoom, height: drawing.height * seen.zoom };
  return (
    <div className="graph">
      <Tools onBy={view.zoomBy} onFit={view.fit} />
      <div
        ref={scroller}
        className="graph-scroller card"
        role="group"
        aria-label={`Graph of ${plan.length} steps: arrow keys go along it; the table says the same`}
        onScroll={view.look}
        onKeyDown={onKeyDown}
        {...drag}
      >
        <div className="graph-size" style={size}>
          <div
            className="graph-canvas"
            style={{ width: drawing.width, height: drawing.height, transform: `scale(${seen.zoom})` }}
          >
            <Edges drawing={drawing} seen={seen} here={here} />
            {nodes.map(({ name, left, top }) => {
              const step = steps.get(name);
              return step === undefined ? null : (
                <StepNode
                  key={name}
                  step={step}
                  left={left}
                  top={top}
                  isAt={name === here}
                  onAt={onAt}
                  onOpen={onOpen}
                />
              );
            })}
          </div>
        </div>
      </div>
    </div>
  );
}
