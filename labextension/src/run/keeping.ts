const CAN = "flyteNbKeepsPictures";

/** Whether something on this page finds the outputs of a notebook that was loaded from its file, to fill them anew. */
export function keepsPictures(): boolean {
  return CAN in document.documentElement.dataset;
}

/** Says so; gives back what ends that. */
export function sayThatPicturesAreKept(): () => void {
  document.documentElement.dataset[CAN] = "";
  return () => { delete document.documentElement.dataset[CAN]; };
}
