<?php
use PHPUnit\Framework\TestCase;

final class ShopTest extends TestCase
{
    /** @testdox passes [48271] */
    public function testPasses48271(): void { $this->assertTrue(true); }
    public function testFails(): void { $this->assertSame(1, 2); }
    public function testErrs(): void { throw new RuntimeException('no database'); }
    public function testSkipped(): void { $this->markTestSkipped('no printer'); }
    public function testIncomplete(): void { $this->markTestIncomplete('later'); }
    public function testRisky(): void { }
    public function testWarns(): void { $this->addWarning('look out'); $this->assertTrue(true); }
    public function testDeprecated(): void { trigger_error('old', E_USER_DEPRECATED); }
    /** @dataProvider values */
    public function testValues(int $value): void { $this->assertSame(1, $value); }
    public static function values(): array { return ['one [48272]' => [1], 'two [48272]' => [2]]; }
    /** @depends testFails */
    public function testDepends(): void { $this->assertTrue(true); }
    /** @dataProvider nobody */
    public function testWithoutData(int $value): void { }
}
