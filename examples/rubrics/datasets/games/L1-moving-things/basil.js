var rocket = createSprite(200, 350);
var moon = createSprite(320, 60);

function draw() {
  background("black");
  rocket.y = rocket.y - 3;
  moon.rotation = moon.rotation + 1;
  drawSprites();
}
