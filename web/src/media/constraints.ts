// What is asked of cameras and microphones. The camera gives the size that is sent: to scale its pictures here would cost a third of a core.

interface Size {
  width: number;
  height: number;
}

const FULL: Size = { width: 1280, height: 720 };
const MODEST: Size = { width: 640, height: 360 }; // on machines that have too few cores to encode and decode more

/** The largest picture that this machine sends. Works on the page and in workers. */
export const PICTURE: Size = navigator.hardwareConcurrency > 2 ? FULL : MODEST;

const SHARED: Size = { width: 1920, height: 1080 };

/** The largest picture of a screen that this machine sends: text is worth more pixels, and moves less. */
export const SCREEN: Size = navigator.hardwareConcurrency > 2 ? SHARED : FULL;

/** Video that is asked of a camera. */
export const VIDEO_CONSTRAINTS: MediaTrackConstraints = {
  width: { ideal: PICTURE.width },
  height: { ideal: PICTURE.height },
  frameRate: { ideal: 30, max: 30 },
};

/** Sound that is asked of a microphone. Noise suppression is for speech; who plays an instrument switches it off. */
export function audioConstraints(noiseSuppression: boolean): MediaTrackConstraints {
  return { echoCancellation: true, noiseSuppression, autoGainControl: true };
}
