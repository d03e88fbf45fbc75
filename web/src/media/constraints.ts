// What is asked of cameras and microphones. The camera gives the size that is sent: to scale its pictures here would cost a third of a core.

interface Size {
  width: number;
  height: number;
}

const FULL: Size = { width: 1280, height: 720 };
const MODEST: Size = { width: 640, height: 360 }; // on machines that have too few cores to encode and decode more

/** The largest picture that this machine sends. Works on the page and in workers. */
export const PICTURE: Size = navigator.hardwareConcurrency > 2 ? FULL : MODEST;

/** Video that is asked of a camera. */
export const VIDEO_CONSTRAINTS: MediaTrackConstraints = {
  width: { ideal: PICTURE.width },
  height: { ideal: PICTURE.height },
  frameRate: { ideal: 30, max: 30 },
};

export const AUDIO_CONSTRAINTS: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};
