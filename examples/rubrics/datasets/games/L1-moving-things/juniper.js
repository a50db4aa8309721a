var drum = createSprite(80, 300);
var flute = createSprite(320, 300);
var beat = 0;
function draw() {
  background("maroon");
  beat = beat + 1;
  drum.scale = 1 + (beat % 10) / 20;
  flute.rotation = beat;
  drawSprites();
}
