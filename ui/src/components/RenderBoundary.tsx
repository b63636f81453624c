import { Component, type ReactNode } from "react";

interface Props {
  children: ReactNode;
  fallback: ReactNode;
  /** A changed value makes another attempt. */
  resetBy: unknown;
}

type State = { type: "sound" } | { type: "failed" } | { type: "fallback"; of: unknown };

/** Shows `fallback` in place of children that cannot be drawn. Everything outside is not affected. */
export class RenderBoundary extends Component<Props, State> {
  override state: State = { type: "sound" };

  static getDerivedStateFromError(): State {
    return { type: "failed" };
  }

  static getDerivedStateFromProps(props: Props, state: State): State | null {
    if (state.type === "failed") return { type: "fallback", of: props.resetBy };
    return state.type === "fallback" && state.of !== props.resetBy ? { type: "sound" } : null;
  }

  override render(): ReactNode {
    return this.state.type === "sound" ? this.props.children : this.props.fallback;
  }
}
