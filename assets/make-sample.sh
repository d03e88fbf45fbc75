#!/bin/sh
# Makes the sample media of the built-in test participant: a picture on which a
# freeze is seen at a glance, and tones on which a gap is heard. The result is
# committed, so only somebody who changes the picture needs ffmpeg and this file.
#
#   picture.ivf  VP8, 640x360, 30 frames/s, 20 s, a key frame every 2 s, two temporal
#                layers (L1T2): every other frame is referenced by nothing
#   tones.ogg    Opus, 48 kHz mono, 32 kbit/s, 20 ms packets, 20 s
#
# Both loop without a seam: the light crosses the picture in 4 s and the melody
# takes 5 s, and 20 s is a multiple of both.
set -eu

cd "$(dirname "$0")/sample"
mono=/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf
sans=/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

ff() { ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }

# Signed distance to a rounded rectangle with centre ($1,$2), half size ($3,$4) and radius $5.
box() {
	echo "(hypot(max(abs(X+0.5-$1)-($3)+$5,0),max(abs(Y+0.5-$2)-($4)+$5,0))-$5)"
}

# The still part: a dark blue-grey ground, lit from above, a lighter rounded card for
# the clock, and a track along which the light runs.
card="clip(0.5-$(box 320 156 236 92 28),0,1)"
edge="clip(1.2-abs($(box 320 156 236 92 28)),0,1)"
rail="clip(0.5-$(box 320 300 320 3 3),0,1)"
glow="exp(-(pow((X-320)/420,2)+pow((Y-60)/260,2)))"
ff -f lavfi -i color=black:s=640x360 -frames:v 1 -vf "format=gbrp,geq=\
r='24+16*$glow+10*$card+26*$edge+22*$rail':\
g='32+22*$glow+13*$card+34*$edge+28*$rail':\
b='44+30*$glow+17*$card+42*$edge+36*$rail'" "$tmp/ground.png"

# The light: a round warm disc with a soft rim.
ff -f lavfi -i color=black:s=72x72 -frames:v 1 -vf "format=gbrap,geq=\
r=255:g='190-30*hypot(X-35.5,Y-35.5)/24':b='110-40*hypot(X-35.5,Y-35.5)/24':\
a='255*clip(22.5-hypot(X-35.5,Y-35.5),0,1)+70*between(hypot(X-35.5,Y-35.5),22,36)*pow(1-(hypot(X-35.5,Y-35.5)-22)/14,2)'" "$tmp/light.png"

# The layers: of odd frames the encoder keeps nothing, neither the picture in one of its
# three buffers nor probabilities, so that nothing can depend on them.
no_upd_last=$((1 << 18)) no_upd_entropy=$((1 << 20)) no_upd_golden=$((1 << 22)) no_upd_altref=$((1 << 23))
upper=$((no_upd_last | no_upd_entropy | no_upd_golden | no_upd_altref))
two_digits() { echo "%{eif\\:$1\\:d\\:2}"; }
clock="$(two_digits 'floor((t+0.0005)/60)')\\:$(two_digits 'floor(mod(t+0.0005,60))').$(two_digits 'floor(mod((t+0.0005)*100,100))')"
ff -loop 1 -framerate 30 -i "$tmp/ground.png" -loop 1 -framerate 30 -i "$tmp/light.png" -t 20 \
	-filter_complex "[0][1]overlay=x='mod(t*178,712)-72':y=264:format=rgb,\
drawtext=fontfile=$sans:text='Roamcall test participant':fontsize=22:fontcolor=0x9fb4c8:x=(w-tw)/2:y=92,\
drawtext=fontfile=$mono:text='$clock':fontsize=74:fontcolor=0xf2f6fa:x=(w-8*44.55)/2:y=128,\
drawtext=fontfile=$mono:text='frame %{eif\\:n\\:d\\:3}':fontsize=18:fontcolor=0x7890a6:x=(w-tw)/2:y=212,\
format=yuv420p,metadata=mode=add:key=vp8-flags:value=$upper:enable='mod(n,2)'" \
	-c:v libvpx -deadline good -cpu-used 0 -b:v 200k -maxrate 300k -bufsize 600k -qmin 12 -qmax 28 \
	-g 60 -keyint_min 60 -auto-alt-ref 0 -lag-in-frames 0 -error-resilient default -threads 1 \
	-ts-parameters "ts_number_layers=2:ts_target_bitrate=110,200:ts_rate_decimator=2,1:ts_periodicity=2:ts_layer_id=0,1:ts_layering_mode=2" \
	-fflags +bitexact -flags:v +bitexact picture.ivf

# The tones: a pentatonic arpeggio in A, eight notes in 5 s, each a sine with two soft
# partials, a short attack and a long decay, over a very quiet drone.
ff -f lavfi -i "aevalsrc='st(0,mod(t,0.625));st(1,floor(mod(t,5)/0.625));\
st(2,220*eq(ld(1),0)+277.183*eq(ld(1),1)+329.628*eq(ld(1),2)+440*eq(ld(1),3)+493.883*eq(ld(1),4)+440*eq(ld(1),5)+369.994*eq(ld(1),6)+329.628*eq(ld(1),7));\
0.22*exp(-3.4*ld(0))*(1-exp(-120*ld(0)))*clip((0.625-ld(0))*60,0,1)*(sin(2*PI*ld(2)*ld(0))+0.26*sin(4*PI*ld(2)*ld(0))+0.07*sin(6*PI*ld(2)*ld(0)))\
+0.02*sin(2*PI*110*t)*(1+0.5*sin(2*PI*0.2*t))':s=48000:c=mono" -t 20 \
	-c:a libopus -b:a 32k -vbr constrained -application audio -frame_duration 20 -fflags +bitexact -flags:a +bitexact \
	-map_metadata -1 tones.ogg

ls -l picture.ivf tones.ogg
